"""The head of Shepp and Logan."""

import pytest
import torch

from mrrecon.simulate import Ellipsoid, shepp_logan, shepp_logan_ellipsoids


def test_is_the_picture_of_scikit_image() -> None:
    data = pytest.importorskip("skimage.data", reason="scikit-image is not installed")
    picture = torch.from_numpy(data.shepp_logan_phantom()).float()
    ours = shepp_logan(picture.shape, samples=2)
    # Theirs is a stored picture with soft edges.
    assert (ours - picture).abs().median() < 2e-3
    assert torch.corrcoef(torch.stack([ours.flatten(), picture.flatten()]))[0, 1] > 0.97


@pytest.mark.parametrize(("contrast", "skull", "brain"), [("original", 2.0, 1.02), ("modified", 1.0, 0.2)])
def test_contrast_is_that_of_the_table(contrast: str, skull: float, brain: float) -> None:
    x = shepp_logan((256, 256), contrast=contrast)
    assert x.max() == skull
    assert x[200, 128].item() == pytest.approx(brain)


def test_front_of_the_head_is_on_top_and_right_is_right() -> None:
    body = Ellipsoid(1.0, (0.2, 0.1, 0.3), (0.5, 0.4, -0.5))
    x = shepp_logan((20, 40, 60), ellipsoids=[body], samples=2)
    places = torch.stack(torch.meshgrid(*map(torch.arange, x.shape), indexing="ij"))
    mean = (places * x).sum((1, 2, 3)) / x.sum()
    expected = torch.tensor([20 * 0.25, 40 * 0.3, 60 * 0.75]) - 0.5
    torch.testing.assert_close(mean, expected, rtol=0, atol=0.05)


def test_more_samples_are_the_mean_of_a_finer_picture() -> None:
    fine = shepp_logan((64, 96))
    mean = torch.nn.functional.avg_pool2d(fine[None], 4)[0]
    torch.testing.assert_close(shepp_logan((16, 24), samples=4), mean, rtol=0, atol=0.07)
    assert (shepp_logan((16, 24), samples=4) - mean).abs().median() < 1e-6


def test_area_is_conserved() -> None:
    x = shepp_logan((31, 31), samples=16, ellipsoids=[Ellipsoid(3.0, (0.5, 0.4, 1.0), turn=20.0)])
    assert x.mean().item() * 4 == pytest.approx(3 * torch.pi * 0.5 * 0.4, rel=2e-3)


def test_volume_is_a_stack_from_the_feet_up() -> None:
    x = shepp_logan((32, 48, 48))
    # Of the small bodies at the height 0.625 one is brighter than the brain.
    assert x[26, 26, 25] == pytest.approx(0.4)
    assert x.shape == (32, 48, 48)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: shepp_logan((4,)), r"shape=\(4,\) must have 2 or 3 sides"),
        (lambda: shepp_logan((4, 0)), r"shape=\(4, 0\) must have 2 or 3 sides, each at least 1"),
        (lambda: shepp_logan((4, 4), samples=0), "samples=0 must be at least 1"),
        (lambda: shepp_logan_ellipsoids(4), "ndim=4 must be 2 or 3"),
    ],
)
def test_bad_argument_is_refused(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
