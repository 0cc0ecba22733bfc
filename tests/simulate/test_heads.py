"""Heads from label maps."""

import pytest
import torch
from torch import Tensor

from mrrecon.simulate.acquisition import Scanner
from mrrecon.simulate.deformation import Warp
from mrrecon.simulate.heads import synthesize_head

STILL = Warp(displacement=0.0, rotation=0.0, scaling=0.0, shear=0.0, flip_axis=None)
QUIET = Scanner(white_matter=(0.6, 0.6), bias=0.0, noise=(0.0, 0.0), resolution=(0, 0), smoothing=(0, 0))


@pytest.fixture
def labels() -> Tensor:
    """Spheres in each other: white matter, cortex, fluid, bone, soft tissue, skin, air."""
    grid = torch.stack(torch.meshgrid(*[torch.arange(48.0) - 23.5] * 3, indexing="ij"))
    radius = grid.square().sum(0).sqrt()
    shells = torch.bucketize(radius, torch.tensor([10.0, 13.0, 15.0, 17.0, 20.0, 22.0]))
    return torch.tensor([2, 3, 24, 515, 507, 511, 0])[shells]


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_same_seed_gives_the_same_head_and_another_seed_another(labels: Tensor) -> None:
    first, again, other = (synthesize_head(labels, generator=seeded(seed)).image for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert (first - other).abs().mean() > 0.01


def test_labels_survive_where_nothing_moves(labels: Tensor) -> None:
    assert torch.equal(synthesize_head(labels, generator=seeded(0), warp=STILL).labels, labels)


def test_deformation_keeps_the_share_of_each_tissue(labels: Tensor) -> None:
    moved = synthesize_head(labels, generator=seeded(0), warp=Warp(displacement=3.0, scaling=0.0)).labels
    for label in labels.unique():
        before, after = (labels == label).sum(), (moved == label).sum()
        assert 0.85 < after / before < 1.15


def test_tissues_are_as_bright_as_on_t1(labels: Tensor) -> None:
    image = synthesize_head(labels, generator=seeded(0), warp=STILL, scanner=QUIET).image
    white, grey, fluid, bone = (image[labels == label].mean() for label in (2, 3, 24, 515))
    assert white.item() == pytest.approx(0.6, abs=0.01)
    assert white > grey > fluid > bone
    assert image[labels == 507].max() > white


def test_air_is_noisy_in_a_head_and_zero_around_a_brain(labels: Tensor) -> None:
    head = synthesize_head(labels, generator=seeded(0), scanner=Scanner(noise=(0.03, 0.03)))
    brain = synthesize_head(labels, generator=seeded(0), brain_only=True)
    assert (head.image[head.labels == 0] > 0).float().mean() > 0.99
    assert brain.image[brain.labels == 0].eq(0).all()
    assert set(brain.labels.unique().tolist()) == {0, 2, 3, 24}


def test_patch_of_a_still_quiet_head_lies_where_it_says(labels: Tensor) -> None:
    patch = synthesize_head(labels, generator=seeded(3), warp=STILL, patch_size=(16, 12, 20))
    here = tuple(slice(at, at + n) for at, n in zip(patch.start, (16, 12, 20), strict=True))
    assert patch.image.shape == (16, 12, 20)
    assert torch.equal(patch.labels, labels[here])


def test_spacing_counts_in_millimetres(labels: Tensor) -> None:
    warp = Warp(displacement=8.0, knot=30.0, rotation=0.0, scaling=0.0, shear=0.0, flip_axis=None)
    shifts = []
    for size in (1.0, 4.0):
        moved = synthesize_head(labels, generator=seeded(0), warp=warp, spacing=[size] * 3).labels
        shifts.append((moved != labels).float().mean())
    assert shifts[1] < shifts[0]


def test_label_without_tissue_is_named(labels: Tensor) -> None:
    tissues = {0: "air", 2: "white matter", 3: "cortex", 507: "soft tissue", 511: "skin"}
    with pytest.raises(ValueError, match=r"labels=\[24, 515\] have no tissue"):
        synthesize_head(labels, generator=seeded(0), tissues=tissues)


def test_unknown_tissue_is_named(labels: Tensor) -> None:
    with pytest.raises(ValueError, match=r"tissues=\['cheese'\] are unknown"):
        synthesize_head(labels, generator=seeded(0), tissues={0: "air", 2: "cheese"})
