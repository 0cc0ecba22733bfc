from functools import lru_cache

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mrrecon.morphometry import (
    SegmentationError,
    TissueMaps,
    load_template,
    segment_tissues,
)
from mrrecon.morphometry.brain_mask import clean_brain, extracted_brain
from mrrecon.simulate import Scanner, SyntheticScan, synthesize_brain

AFFINE = np.array([[2.0, 0, 0, -97], [0, 2, 0, -133], [0, 0, 2, -71], [0, 0, 0, 1]])


SCANNER = Scanner(bias=0.0, noise=(0.02, 0.02), resolution=(2.0, 2.0))


@lru_cache(maxsize=1)
def scanned() -> SyntheticScan:
    """Random brain near the template, 2 mm, with noise."""
    tissues = F.avg_pool3d(load_template().tissues[None], 2, ceil_mode=True)[0]
    average = torch.tensordot(torch.tensor([0.26, 0.65, 0.88]), tissues, dims=1) * (tissues.sum(0) > 0.5)
    generator = torch.Generator().manual_seed(0)
    return synthesize_brain(
        average, tissues[1], tissues[2], generator=generator, spacing=(2.0, 2.0, 2.0), scanner=SCANNER
    )


def truth() -> torch.Tensor:
    return scanned().labels


@lru_cache(maxsize=1)
def brain() -> torch.Tensor:
    """Its scan, uneven; the background is 0."""
    return 700 * scanned().image * gain()[:, None]


def gain() -> torch.Tensor:
    return torch.exp(0.25 * torch.cos(torch.linspace(0, 3, scanned().image.shape[1])))


@lru_cache(maxsize=1)
def head() -> torch.Tensor:
    """The brain in a skull, dark, and a scalp, bright, with noise around."""
    inside = (truth() > 0).float()[None, None]
    skull, scalp = (F.max_pool3d(inside, 2 * n + 1, 1, n)[0, 0] for n in (3, 6))
    noise = torch.randn(2, *inside.shape[2:], generator=torch.Generator().manual_seed(1))
    around = 500 * (scalp - skull) + 70 * (skull - inside[0, 0]) + 20 * noise.norm(dim=0)
    return brain() + around * (1 - inside[0, 0])


@lru_cache(maxsize=2)
def maps_of(what: str) -> TissueMaps:
    return segment_tissues({"brain": brain, "head": head}[what](), AFFINE)


def dices(maps: TissueMaps) -> list[float]:
    pairs = [(maps.labels == k, truth() == k) for k in (1, 2, 3)]
    return [float(2 * (a & b).sum() / (a.sum() + b.sum())) for a, b in pairs]


def test_the_tissues_of_an_extracted_brain_are_found() -> None:
    assert all(found > least for found, least in zip(dices(maps_of("brain")), (0.7, 0.88, 0.88), strict=True))


def test_the_tissues_of_a_whole_head_are_found() -> None:
    assert all(found > least for found, least in zip(dices(maps_of("head")), (0.3, 0.85, 0.82), strict=True))


def test_fractions_are_fractions_and_the_background_holds_nothing() -> None:
    maps = maps_of("brain").probabilities
    assert maps.min() >= 0
    assert maps.sum(0).max() <= 1 + 1e-5
    assert maps[:, brain() == 0].sum() == 0


def test_volumes_are_right_within_five_percent() -> None:
    found = maps_of("brain").probabilities.sum((1, 2, 3))[1:]
    expected = torch.stack([(truth() == k).sum() for k in (2, 3)])
    assert (found / expected - 1).abs().max() < 0.05


def test_the_gain_is_found() -> None:
    found = maps_of("brain").bias[49, :, 40]
    middle = slice(15, 100)
    ratio = (found / gain())[middle]
    assert (ratio / ratio.mean() - 1).abs().max() < 0.05


def test_the_order_of_storage_makes_no_difference() -> None:
    turned = brain().permute(2, 0, 1).flip(1)
    order = np.zeros((4, 4))
    order[0, 1], order[0, 3], order[1, 2], order[2, 0], order[3, 3] = -1, brain().shape[0] - 1, 1, 1, 1
    again = segment_tissues(turned, AFFINE @ order)
    expected = maps_of("brain").probabilities.permute(0, 3, 1, 2).flip(2)
    assert torch.equal(again.probabilities, expected)


def test_grey_matter_lands_on_that_of_the_template() -> None:
    maps = maps_of("brain")
    assert maps.alignment is not None
    landed = maps.alignment.to_template(maps.probabilities[1], modulated=False)
    expected = F.avg_pool3d(load_template().tissues[1][None], 2, 2, padding=0, ceil_mode=True)[0]
    kept = expected > 0.05
    assert np.corrcoef(landed[kept], expected[kept])[0, 1] > 0.85


def test_noise_is_no_brain() -> None:
    noise = torch.rand(40, 40, 40, generator=torch.Generator().manual_seed(0))
    with pytest.raises(SegmentationError, match="no brain"):
        segment_tissues(noise, np.diag([4.0, 4, 4, 1]))


def test_a_cylinder_is_no_brain() -> None:
    right, front, up = np.meshgrid(*[np.arange(-24, 24)] * 3, indexing="ij")
    knee = (np.hypot(right, front) < 16) * (0.6 + 0.4 * (np.hypot(right, front) < 8) * (np.abs(up) > 2))
    noise = np.random.default_rng(0).normal(size=knee.shape)
    with pytest.raises(SegmentationError, match="no brain"):
        segment_tissues((knee + 0.03 * noise).astype(np.float32), np.diag([4.0, 4, 4, 1]))


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


def test_only_a_blob_on_a_constant_background_is_an_extracted_brain() -> None:
    blob = np.zeros((40, 40, 40), np.float32)
    blob[10:30, 10:30, 10:30] = 1
    blob[15:18, 15:18, 15:18] = 0
    found = extracted_brain(blob, voxel_volume=64.0)
    assert found is not None
    assert found.sum() == 8000
    assert extracted_brain(blob, voxel_volume=640.0) is None
    noise = np.random.default_rng(0).random((40, 40, 40)).astype(np.float32)
    assert extracted_brain(blob + 0.1 * noise, voxel_volume=64.0) is None


def test_what_hangs_on_a_thin_bridge_is_no_brain() -> None:
    brain = torch.zeros(40, 40, 40)
    brain[5:25, 5:25, 5:25] = 1
    brain[25:32, 14:16, 14:16] = 1
    brain[32:38, 12:18, 12:18] = 1
    mask = clean_brain(brain, spacing=(1.0, 1.0, 1.0))
    assert mask[5:25, 5:25, 5:25].mean() > 0.98
    assert not mask[31:].any()
