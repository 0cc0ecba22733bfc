"""Brains synthesised from an average brain and its tissue maps."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from mrrecon.simulate.acquisition import BRAIN_SCANNER, Scanner, acquire, gaussian_blur
from mrrecon.simulate.contrast import draw_contrast
from mrrecon.simulate.deformation import (
    DEFAULT_WARP,
    Warp,
    box_around,
    draw_deformation,
    sample_linear,
    sample_nearest,
)
from mrrecon.simulate.fields import Number, random_field
from mrrecon.simulate.patches import coordinates, draw_patch

__all__ = ["SyntheticScan", "synthesize_brain"]


class SyntheticScan(NamedTuple):
    """Synthetic scan and what it shows.

    Args:
        image: scan, in [0, 1].
        labels: label of each voxel.
        start: index of its first voxel in the volume from which it was cut.
    """

    image: Float[Tensor, "depth height width"]
    labels: Integer[Tensor, "depth height width"]
    start: tuple[int, ...]


def synthesize_brain(
    t1: Float[Tensor, "_ _ _"],
    grey: Float[Tensor, "_ _ _"],
    white: Float[Tensor, "_ _ _"],
    *,
    generator: torch.Generator,
    spacing: Sequence[Number] = (1.0, 1.0, 1.0),
    patch_size: Sequence[int] | None = None,
    warp: Warp = DEFAULT_WARP,
    scanner: Scanner = BRAIN_SCANNER,
    folding: Number = 2.5,
) -> SyntheticScan:
    r"""T1-like scan of a random brain near an average one; the background is 0 exactly.

    An average brain is blurred where subjects differ: in the folds. The fractions p of grey matter, white
    matter and fluid are made crisp again, along borders that smooth random fields f choose,

    $$ q_k \propto p_k^3 \exp(a f_k), \qquad s = \sum_k q_k \mu_k \cdot (t / \bar t)^{1/2} $$

    with the random brightness $\mu_k$ of each tissue. Regions where grey and white matter mix throughout, as
    in the pons, stay as they are. The average scan t, relative to what its fractions predict, keeps the deep
    nuclei apart.

    Args:
        t1: average T1-weighted scan without skull, any unit, 0 outside the brain.
        grey: fraction of grey matter, in [0, 1].
        white: fraction of white matter, in [0, 1].
        generator: source of the random numbers.
        spacing: size of a voxel, in mm.
        patch_size: voxels of a patch at a random place, or None for the whole. Only the patch is computed.
        warp: ranges of the deformation.
        scanner: ranges of the scan.
        folding: a, how far the folds depart from the average ones; 0 keeps those.

    Returns:
        Scan, and labels: 0 background, 1 fluid, 2 grey matter, 3 white matter.

    Raises:
        ValueError: the three volumes differ in shape, or ``t1`` is 0 everywhere.

    Example:
        >>> maps = torch.zeros(3, 16, 16, 16)
        >>> maps[:, 4:12, 4:12, 4:12] = torch.tensor([0.8, 0.3, 0.7]).view(3, 1, 1, 1)
        >>> synthesize_brain(*maps, generator=torch.Generator().manual_seed(0)).labels.unique()
        tensor([0, 3])
    """
    if not t1.shape == grey.shape == white.shape:
        raise ValueError(
            f"t1, grey and white must have one shape, got {[tuple(x.shape) for x in (t1, grey, white)]}"
        )
    if not t1.any():
        raise ValueError("t1 is 0 everywhere: give the average scan of a brain")
    extents = [n * size for n, size in zip(t1.shape, spacing, strict=True)]
    contrast = draw_contrast(generator=generator, random_contrast=scanner.random_contrast)
    patch = draw_patch(t1 > 0, patch_size=patch_size, generator=generator)
    deformation = draw_deformation(extents, warp=warp, generator=generator)
    axes = coordinates(patch, spacing=spacing, device=t1.device)
    voxels = deformation.source(axes) / torch.tensor(list(spacing), device=t1.device).view(3, 1, 1, 1)
    box = box_around(voxels, t1.shape)
    box_axes = coordinates(box, spacing=spacing, device=t1.device)

    mask = t1[box] > 0
    average = torch.stack([(1 - grey[box] - white[box]).clamp(min=0), grey[box], white[box]])
    crisp = _refold(
        average, axes=box_axes, extents=extents, spacing=spacing, folding=folding, generator=generator
    )
    shades = torch.stack([contrast[name] for name in ("fluid", "cortex", "white matter")]).to(t1)
    # Brightness of the three tissues on the average scan itself.
    usual = torch.tensor([0.26, 0.65, 0.88], device=t1.device) * t1.max()
    detail = (t1[box] / torch.tensordot(usual, average, dims=1).clamp(min=1e-6)).clamp(0.6, 1.4).sqrt()
    lumps = 2.5 * random_field(box_axes, extents=extents, knot=4.0, generator=generator)
    lumps += 0.7 * torch.randn(mask.shape, generator=generator, device=generator.device).to(t1)
    signal = torch.tensordot(shades[:, 0], crisp, dims=1) * detail
    signal += torch.tensordot(shades[:, 1], crisp, dims=1) * lumps

    voxels -= torch.tensor([side.start for side in box], device=t1.device).view(3, 1, 1, 1)
    labels = sample_nearest((crisp.argmax(0) + 1) * mask, voxels)
    moved = sample_linear(torch.stack([signal, mask.float()]), voxels)
    edge = 0.5 + 0.8 * random_field(axes, extents=extents, knot=8.0, generator=generator).clamp(-0.4, 0.4)
    inside = (moved[1] > edge) & (labels > 0)
    image = acquire(
        moved[0], axes=axes, extents=extents, spacing=spacing, scanner=scanner, generator=generator
    )
    return SyntheticScan(image * inside, labels * inside, tuple(side.start for side in patch))


def _refold(
    average: Float[Tensor, "tissues depth height width"],
    *,
    axes: Sequence[Float[Tensor, " _"]],
    extents: Sequence[Number],
    spacing: Sequence[Number],
    folding: Number,
    generator: torch.Generator,
) -> Float[Tensor, "tissues depth height width"]:
    logits = 3 * torch.log(average + 0.02)
    for logit in logits:
        for knot in (4.0, 9.0):
            logit += folding * random_field(axes, extents=extents, knot=knot, generator=generator)
    # What mixes over a wide region (pons, thalamus) does so in each subject: nothing to sharpen.
    mixed = gaussian_blur(4 * average[1] * average[2], sigma=[3.0 / size for size in spacing])
    return torch.lerp(torch.softmax(logits, dim=0), average, ((mixed - 0.55) / 0.25).clamp(0, 1))
