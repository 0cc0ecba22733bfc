import pytest
from rate_distortion_curves import at_rate, compared, means


def _row(codec, percent, psnr, *, voxels="a", weights="", ms_ssim=0.99):
    seconds = {"seconds_encode": 1.0, "seconds_decode": 0.5}
    kind = {"codec": codec, "setting": "", "weights": weights, "voxels": voxels}
    return {**kind, "percent": percent, "psnr": psnr, "ms_ssim": ms_ssim, **seconds}


def test_a_measured_point_is_on_the_curve():
    curve = [_row("x", percent, psnr) for percent, psnr in ((1.0, 38.0), (0.1, 30.0), (0.3, 35.0))]
    assert at_rate(curve, 0.3)["psnr"] == pytest.approx(35)
    assert at_rate(curve, 0.3)["ms_ssim"] == pytest.approx(0.99)


def test_the_curve_is_straight_over_the_logarithm_of_the_rate():
    curve = [_row("x", 0.1, 30.0, ms_ssim=0.9), _row("x", 1.6, 38.0, ms_ssim=0.9984)]
    assert at_rate(curve, 0.4)["psnr"] == pytest.approx(34)
    assert at_rate(curve, 0.4)["ms_ssim"] == pytest.approx(1 - (0.1 * 0.0016) ** 0.5)


@pytest.mark.parametrize("percent", [0.05, 2.0])
def test_no_curve_goes_on_where_nothing_was_measured(percent):
    assert at_rate([_row("x", 0.1, 30.0), _row("x", 1.0, 38.0)], percent) is None


def test_a_scan_is_compared_with_its_own_curve():
    rows = [_row("ours", 0.2, 33.0, voxels=scan, weights="w") for scan in "ab"]
    rows += [_row("x", rate, 30.0 + 5 * (scan == "b"), voxels=scan) for scan in "ab" for rate in (0.1, 0.4)]
    pairs = compared(rows)["ours", ""]["x"]
    assert [there["psnr"] for _, there in pairs] == [30, 35]


def test_a_scan_out_of_range_is_left_out():
    rows = [_row("ours", rate, 33.0, voxels=scan, weights="w") for scan, rate in (("a", 0.2), ("b", 0.01))]
    rows += [_row("x", rate, 30.0, voxels=scan) for scan in "ab" for rate in (0.1, 0.4)]
    assert [ours["voxels"] for ours, _ in compared(rows)["ours", ""]["x"]] == ["a"]


def test_the_mean_is_over_scans():
    rows = [_row("x", 0.1, 30.0, voxels="a"), _row("x", 0.3, 34.0, voxels="b")]
    assert means(rows)["x", ""]["percent"] == pytest.approx(0.2)
    assert means(rows)["x", ""]["psnr"] == pytest.approx(32)
