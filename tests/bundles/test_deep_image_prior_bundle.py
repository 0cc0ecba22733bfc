"""What the bundle of the deep image prior gives back, with a tiny network."""

import json
from typing import Any

import numpy as np
import pytest
from bundles.solving import disc, result, solve, volume

from mrrecon.errors import sentence

PRIOR = "deep_image_prior"
TINY = {"width": 4, "iterations": 3}
OBLIQUE = np.array([[0.9, 0.3, 0.1, -20], [-0.28, 0.95, 0.12, 30], [-0.06, -0.14, 2.0, 7], [0, 0, 0, 1]])


def image_with_holes() -> np.ndarray:
    image = np.stack(3 * [100 * disc(24) + 1], axis=1)
    image[::3, :, ::2] = np.nan
    return image


def refusal(output_dir: Any, **overrides: Any) -> str:
    with pytest.raises((RuntimeError, ValueError, TypeError, OSError)) as caught:
        solve(PRIOR, output_dir, **TINY, **overrides)
    assert not list(output_dir.glob("*")) if output_dir.exists() else True
    return sentence(caught.value)


def test_it_runs_on_what_is_always_there(tmp_path):
    metrics = solve(PRIOR, tmp_path, **TINY, save_page=True)
    (row,) = metrics["scans"]
    assert {"psnr", "ssim", "nmse", "start_psnr", "residual", "seconds", "iterations"} <= row.keys()
    made = next(iter(tmp_path.glob("*_recon.nii.gz")))
    assert result(tmp_path, made.name.removesuffix("_recon.nii.gz")).shape == (197, 1, 189)
    assert "Convergence" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_voxels_that_were_seen_survive_where_they_lay(tmp_path):
    image = image_with_holes()
    path = volume(tmp_path / "in" / "a.nii.gz", image, OBLIQUE)
    solve(PRIOR, tmp_path / "out", dataset_dir=str(path), **TINY)
    made, seen = result(tmp_path / "out"), np.isfinite(image)
    np.testing.assert_allclose(made.affine, OBLIQUE, atol=1e-5)
    np.testing.assert_array_equal(made.get_fdata()[seen], image.astype(np.float32)[seen])
    assert np.isfinite(made.get_fdata()).all()


def test_holes_may_be_told_by_mask_number_or_nan(tmp_path):
    image = image_with_holes()
    seen = np.isfinite(image)
    volume(tmp_path / "nan" / "a.nii", image)
    volume(tmp_path / "number" / "a.nii", np.where(seen, image, -1))
    volume(tmp_path / "mask" / "a.nii", np.where(seen, image, 7))
    volume(tmp_path / "mask" / "a_mask.nii", seen)
    made = []
    for name, options in {"nan": {}, "number": {"missing": -1}, "mask": {}}.items():
        out = tmp_path / "out" / name
        solve(PRIOR, out, dataset_dir=str(tmp_path / name), n_slices=1, **TINY, **options)
        made.append(result(out).get_fdata())
    np.testing.assert_array_equal(made[0], made[1])
    np.testing.assert_array_equal(made[0], made[2])


def test_smaller_voxels_fill_the_same_field_of_view(tmp_path):
    path = volume(tmp_path / "a.nii.gz", np.random.default_rng(0).random((12, 3, 8)), OBLIQUE)
    solve(PRIOR, tmp_path / "out", dataset_dir=str(path), factor=[1, 1, 3], **TINY)
    made = result(tmp_path / "out")
    assert made.shape == (12, 3, 24)
    for corner in (0.0, 1.0):  # edges of the volume, half a voxel beyond the centres
        edges = [np.array(shape) * corner - 0.5 for shape in ((12, 3, 8), (12, 3, 24))]
        np.testing.assert_allclose(made.affine[:3] @ [*edges[1], 1], OBLIQUE[:3] @ [*edges[0], 1], atol=1e-4)


def test_chosen_slices_lie_where_they_lay(tmp_path):
    image = image_with_holes()
    path = volume(tmp_path / "a.nii.gz", image, OBLIQUE)
    solve(PRIOR, tmp_path / "out", dataset_dir=str(path), n_slices=1, first_slice=2, **TINY)
    made = result(tmp_path / "out")
    assert made.shape == (24, 1, 24)
    np.testing.assert_allclose(made.affine[:3, 3], OBLIQUE[:3] @ [0, 2, 0, 1], atol=1e-5)


def test_evaluation_compares_both_networks_with_total_variation(tmp_path):
    path = volume(tmp_path / "a.nii", np.stack(3 * [100 * disc(24) + 1], axis=1))
    metrics = solve(PRIOR, tmp_path / "out", "evaluate.json", dataset_dir=str(path), **TINY)
    assert list(metrics["summary"]) == ["skip", "decoder", "tv"]
    assert json.dumps(metrics["refused"]) == "[]"


@pytest.mark.parametrize(
    ("values", "options", "said"),
    [
        (np.full((8, 2, 8), np.nan), {}, "has no voxel that was seen"),
        (np.full((8, 2, 8), np.inf), {}, "holds Inf"),
        (np.ones((8, 2, 8, 2)), {}, "must be one volume"),
        (np.ones((2, 2, 2)) * np.arange(2), {}, "at least 3 along one axis"),
        (np.ones((8, 2, 8)), {"factor": [1, 2, 1]}, "refines across the slices"),
        (np.ones((8, 2, 8)), {"n_slices": 3, "first_slice": 0}, "has 2 slices: n_slices=3"),
        (np.ones((8, 2, 8)), {"slices": "oblique"}, "slices='oblique' must be one of"),
        (np.ones((8, 2, 8)), {"held_out": 1.0}, "held_out=1.0 must be"),
        (np.ones((8, 2, 8)), {"method": "magic"}, "method='magic' must be one of skip, decoder, tv"),
    ],
    ids=["NaN", "Inf", "4-D", "tiny", "factor", "n_slices", "slices", "held_out", "method"],
)
def test_what_cannot_be_fitted_is_refused_and_nothing_written(tmp_path, values, options, said):
    path = volume(tmp_path / "a.nii", values)
    assert said in refusal(tmp_path / "out", dataset_dir=str(path), **options)


def test_a_mask_of_another_shape_is_refused_by_name(tmp_path):
    path = volume(tmp_path / "a.nii", image_with_holes())
    mask = volume(tmp_path / "other.nii", np.ones((4, 3, 24)))
    assert f"{mask} has the shape" in refusal(tmp_path / "out", dataset_dir=str(path), mask=str(mask))
