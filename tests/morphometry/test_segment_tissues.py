import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mrrecon.morphometry import (
    SegmentationError,
    TissueMaps,
    TissueTemplate,
    load_template,
    segment_tissues,
)
from mrrecon.morphometry.brain_mask import clean_brain, extracted_brain
from mrrecon.morphometry.grid import apply_affine
from mrrecon.morphometry.plausibility import white_correlation
from mrrecon.morphometry.priors import pool

BRIGHTNESS = torch.tensor([0.0, 200.0, 450.0, 650.0])
"""Of the background, CSF, grey and white matter."""

COS, SIN = 0.92 * np.cos(0.15), 0.92 * np.sin(0.15)
PLACE = np.array([[0.92, 0, 0, 5], [0, COS, -SIN, -8], [0, SIN, COS, 12], [0, 0, 0, 1]])
"""Where the template's points lie in the scan: smaller, and the head nods."""


def scanned(factors: tuple[int, int, int]) -> tuple[torch.Tensor, torch.Tensor, np.ndarray]:
    """Brightness and fractions (none, CSF, grey, white) of coarse voxels, of pure ones of 1 mm; affine."""
    tissues, grid = load_template().tissues, load_template().grid
    pure = (tissues.argmax(0) + 1) * (tissues.sum(0) > 0.5)
    parts = F.avg_pool3d(F.one_hot(pure, 4).permute(3, 0, 1, 2).float()[None], factors)[0]
    block = np.diag([*factors, 1.0])
    block[:3, 3] = [(n - 1) / 2 for n in factors]
    image = torch.tensordot(BRIGHTNESS, parts, dims=1) * (parts[0] < 0.5)
    return image, parts * (parts[:1] < 0.5), PLACE @ grid.affine @ block


def noise(shape: torch.Size, sigma: float) -> torch.Tensor:
    return sigma * torch.randn(shape, generator=torch.Generator().manual_seed(0))


class Brain:
    """Extracted brain: voxels of 2 x 3 x 4 template mm, an uneven gain, noise, whole numbers."""

    def __init__(self) -> None:
        image, self.parts, self.affine = scanned((2, 3, 4))
        self.truth = self.parts.argmax(0)
        self.gain = torch.exp(0.25 * torch.cos(torch.linspace(0, 3, image.shape[1])))[:, None]
        noisy = image * self.gain + noise(image.shape, 15.0)
        self.image = (noisy.clamp(min=1) * (self.truth > 0)).round()
        self.maps = segment_tissues(self.image, self.affine)


class Head:
    """A brain in a dark skull and a bright scalp, with noise around; voxels of 3 template mm."""

    def __init__(self) -> None:
        image, parts, self.affine = scanned((3, 3, 3))
        image, self.truth = F.pad(image, [5] * 6), F.pad(parts.argmax(0), [5] * 6)
        self.affine = self.affine @ np.array([[1, 0, 0, -5], [0, 1, 0, -5], [0, 0, 1, -5], [0, 0, 0, 1]])
        inside = (self.truth > 0).float()[None, None]
        skull, scalp = (F.max_pool3d(inside, 2 * n + 1, 1, n)[0, 0] for n in (2, 4))
        around = 500 * (scalp - skull) + 50 * (skull - inside[0, 0])
        self.maps = segment_tissues((image + around + noise(image.shape, 15.0)).abs(), self.affine)


def coarse_template() -> TissueTemplate:
    """Template of 2 mm: much faster, and good enough to see that there is no brain."""
    return TissueTemplate(*pool(load_template().tissues, load_template().grid, 2))


@pytest.fixture(scope="module")
def brain() -> Brain:
    return Brain()


@pytest.fixture(scope="module")
def head() -> Head:
    return Head()


def dices(maps: TissueMaps, truth: torch.Tensor) -> np.ndarray:
    pairs = [(maps.labels == k, truth == k) for k in (1, 2, 3)]
    return np.array([float(2 * (a & b).sum() / (a.sum() + b.sum())) for a, b in pairs])


def test_the_tissues_of_an_extracted_brain_are_found(brain: Brain) -> None:
    # Measured: 0.737, 0.943, 0.969.
    assert (dices(brain.maps, brain.truth) > (0.72, 0.93, 0.96)).all()


def test_the_tissues_of_a_whole_head_are_found(head: Head) -> None:
    # Measured: 0.667, 0.944, 0.975.
    assert (dices(head.maps, head.truth) > (0.65, 0.93, 0.96)).all()


def test_fractions_are_fractions_and_the_background_holds_nothing(brain: Brain) -> None:
    found = brain.maps.probabilities
    assert found.min() >= 0
    assert found.sum(0).max() <= 1 + 1e-5
    assert found[:, brain.image == 0].sum() == 0


def test_volumes_of_grey_and_white_matter_are_found(brain: Brain) -> None:
    # Measured: -5.2 % and -0.2 %. Of CSF, a rim thinner than these voxels, half as much again is found.
    found, expected = brain.maps.probabilities.sum((1, 2, 3)), brain.parts[1:].sum((1, 2, 3))
    assert ((found / expected - 1).abs()[1:] < torch.tensor([0.065, 0.01])).all()


def test_the_gain_is_found(brain: Brain) -> None:
    # Measured: 0.4 %, of a gain that varies by 12 %.
    ratio = (brain.maps.bias / brain.gain)[brain.truth > 0]
    assert ratio.std() / ratio.mean() < 0.01


def test_the_brain_is_found_where_it_was_put(brain: Brain) -> None:
    assert brain.maps.alignment is not None
    ends = torch.tensor([[0, 0, 0.0], [40, 0, 20], [-40, 20, 0], [0, 60, 10], [0, -70, 10], [0, 0, 60]]).T
    error = brain.maps.alignment.scan_points(ends) - apply_affine(PLACE, ends)
    # Measured: 0.1 to 0.9 mm.
    assert error.norm(dim=0).max() < 1.5
    assert brain.maps.alignment.correlation > 0.55


def test_storage_makes_no_difference(brain: Brain) -> None:
    turned = brain.image.permute(2, 0, 1).flip(1).to(torch.int16).numpy()
    last = brain.image.shape[0] - 1
    order = np.array([[0, -1, 0, last], [0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 1.0]])
    again = segment_tissues(turned, brain.affine @ order)
    assert torch.equal(again.probabilities, brain.maps.probabilities.permute(0, 3, 1, 2).flip(2))


def test_a_mirrored_brain_is_refused(brain: Brain) -> None:
    with pytest.raises(SegmentationError, match="the white matter expected correlate by"):
        segment_tissues(brain.image.flip(2), brain.affine, template=coarse_template())


def test_noise_is_no_brain() -> None:
    image = noise(torch.Size([40, 40, 40]), 1.0).abs()
    with pytest.raises(SegmentationError, match="the white matter expected correlate by"):
        segment_tissues(image, np.diag([4.0, 4, 4, 1]), template=coarse_template())


@pytest.mark.parametrize(
    ("image", "spacing", "words"),
    [
        (torch.zeros(60, 60, 60), 3.0, "all its voxels have the value 0"),
        (torch.rand(60, 60, 5), 3.0, "a slab of 180 x 180 x 15 mm"),
        (torch.rand(20, 20, 20), 8.0, "8 x 8 x 8 mm are too large"),
        (torch.rand(4, 4, 4, 4), 1.0, "4 axes"),
        (torch.rand(0, 4, 4), 1.0, "no voxels"),
        (torch.full((60, 60, 60), torch.nan), 3.0, "216000 voxels that are NaN"),
        (torch.ones(4, 4, 4, dtype=torch.complex64), 3.0, "is complex"),
    ],
)
def test_what_cannot_be_segmented_is_refused(image: torch.Tensor, spacing: float, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        segment_tissues(image, np.diag([spacing, spacing, spacing, 1]))


def test_brightness_is_compared_with_the_white_matter_expected() -> None:
    values = torch.rand(200, generator=torch.Generator().manual_seed(0))
    white = torch.rand(200, generator=torch.Generator().manual_seed(1))
    priors = torch.stack([torch.zeros(200), 1 - white, white])
    expected = np.corrcoef(values, white)[0, 1]
    assert white_correlation(values, priors) == pytest.approx(expected, abs=1e-6)
    assert white_correlation(torch.ones(200), priors) == 0


def test_only_a_blob_on_a_constant_background_is_an_extracted_brain() -> None:
    blob = np.zeros((40, 40, 40), np.float32)
    blob[10:30, 10:30, 10:30] = 1
    blob[15:18, 15:18, 15:18] = 0
    found = extracted_brain(blob, voxel_volume=64.0)
    assert found is not None
    assert found.sum() == 8000
    assert extracted_brain(blob, voxel_volume=640.0) is None
    noise = np.random.default_rng(0).random((40, 40, 40)).astype(np.float32)
    assert extracted_brain(blob + noise, voxel_volume=64.0) is None


def test_what_hangs_on_a_thin_bridge_is_no_brain() -> None:
    brain = torch.zeros(40, 40, 40)
    brain[5:25, 5:25, 5:25] = 1
    brain[25:32, 14:16, 14:16] = 1
    brain[32:38, 12:18, 12:18] = 1
    mask = clean_brain(brain, spacing=(1.0, 1.0, 1.0))
    assert mask[5:25, 5:25, 5:25].mean() > 0.98
    assert not mask[31:].any()
