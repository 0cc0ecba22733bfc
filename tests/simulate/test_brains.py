"""Brains from templates."""

import pytest
import torch
from torch import Tensor

from mrrecon.simulate.acquisition import Scanner
from mrrecon.simulate.brains import synthesize_brain
from mrrecon.simulate.deformation import Warp

STILL = Warp(displacement=0.0, rotation=0.0, scaling=0.0, shear=0.0, flip_axis=None)
QUIET = Scanner(white_matter=(0.7, 0.7), bias=0.0, noise=(0.0, 0.0), resolution=(0, 0), smoothing=(0, 0))


@pytest.fixture
def maps() -> list[Tensor]:
    """A ball of white matter in a shell of grey matter in a shell of fluid."""
    grid = torch.stack(torch.meshgrid(*[torch.arange(40.0) - 19.5] * 3, indexing="ij"))
    radius = grid.square().sum(0).sqrt()
    white = torch.sigmoid(2 * (9 - radius))
    grey = torch.sigmoid(2 * (13 - radius)) - white
    fluid = (radius < 16) * (1 - white - grey)
    return [(0.26 * fluid + 0.65 * grey + 0.88 * white) * (radius < 16), grey, white]


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_same_seed_gives_the_same_brain_and_another_seed_another(maps: list[Tensor]) -> None:
    first, again, other = (synthesize_brain(*maps, generator=seeded(seed)).image for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert (first - other).abs().mean() > 0.01


def test_background_is_zero_exactly(maps: list[Tensor]) -> None:
    scan = synthesize_brain(*maps, generator=seeded(0), scanner=Scanner(noise=(0.1, 0.1)))
    assert scan.image[scan.labels == 0].eq(0).all()
    assert scan.image[0].eq(0).all()
    assert scan.image[scan.labels > 0].gt(0).float().mean() > 0.99


def test_without_folding_tissues_keep_their_places_and_order(maps: list[Tensor]) -> None:
    scan = synthesize_brain(*maps, generator=seeded(0), warp=STILL, scanner=QUIET, folding=0.0)
    core, shell = maps[2] > 0.95, maps[1] > 0.9
    assert scan.labels[core].eq(3).all()
    assert scan.labels[shell].eq(2).all()
    assert scan.image[core].mean().item() == pytest.approx(0.7, abs=0.05)
    assert scan.image[core].mean() > 1.2 * scan.image[shell].mean()


def test_folding_moves_borders_between_tissues_but_not_their_cores(maps: list[Tensor]) -> None:
    still = synthesize_brain(*maps, generator=seeded(0), warp=STILL, folding=0.0).labels
    folded = synthesize_brain(*maps, generator=seeded(0), warp=STILL, folding=3.0).labels
    differ = (still != folded) & (still > 0) & (folded > 0)
    assert 0.01 < differ.sum() / (still > 0).sum() < 0.4
    assert differ[maps[2] > 0.999].float().mean() < 0.02


def test_patch_has_its_size_and_place(maps: list[Tensor]) -> None:
    scan = synthesize_brain(*maps, generator=seeded(0), patch_size=(16, 12, 20))
    assert scan.image.shape == scan.labels.shape == (16, 12, 20)
    assert all(0 <= at <= 40 - n for at, n in zip(scan.start, (16, 12, 20), strict=True))


def test_maps_of_different_shapes_are_refused(maps: list[Tensor]) -> None:
    with pytest.raises(ValueError, match="t1, grey and white must have one shape"):
        synthesize_brain(maps[0][1:], maps[1], maps[2], generator=seeded(0))


def test_empty_average_is_refused(maps: list[Tensor]) -> None:
    with pytest.raises(ValueError, match="t1 is 0 everywhere"):
        synthesize_brain(torch.zeros(40, 40, 40), maps[1], maps[2], generator=seeded(0))
