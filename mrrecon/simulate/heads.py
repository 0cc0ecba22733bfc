"""Heads synthesised from integer label maps."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float, Integer
from torch import Tensor
from torch.nn import functional as F

from mrrecon.simulate.acquisition import HEAD_SCANNER, Scanner, acquire, gaussian_blur
from mrrecon.simulate.brains import SyntheticScan
from mrrecon.simulate.contrast import FREESURFER_TISSUES, SOFT_TISSUE, draw_contrast
from mrrecon.simulate.deformation import (
    DEFAULT_WARP,
    Warp,
    box_around,
    draw_deformation,
    sample_linear,
    sample_nearest,
)
from mrrecon.simulate.fields import Number, draw_uniform, random_field, spline_field
from mrrecon.simulate.patches import coordinates, draw_patch

__all__ = ["synthesize_head"]

EXTRACTED = ("white matter", "brain stem", "cortex", "deep grey", "thalamus", "pallidum", "fluid", "lesion")
"""Tissues that a brain extraction keeps."""

BETWEEN = ("meninges", "vessel", "artery")
"""Tissues of which it keeps what lies close to those."""


def synthesize_head(
    labels: Integer[Tensor, "_ _ _"],
    *,
    generator: torch.Generator,
    tissues: Mapping[int, str] = FREESURFER_TISSUES,
    spacing: Sequence[Number] = (1.0, 1.0, 1.0),
    patch_size: Sequence[int] | None = None,
    brain_only: bool = False,
    warp: Warp = DEFAULT_WARP,
    scanner: Scanner = HEAD_SCANNER,
) -> SyntheticScan:
    """T1-like scan of the head that a label map shows, deformed.

    Each tissue gets a random brightness and texture; muscle and fat, one label in most maps, are told apart
    by random sheets and lobules of fat and a rind under the skin. Brightness is interpolated where the map is
    deformed, so that voxels at a border hold a part of both tissues.

    Args:
        labels: label map. Its axes point right, anterior and superior for ``warp.flip_axis=0`` to be
            left-right and for the fat to lie under the skin.
        generator: source of the random numbers.
        tissues: name of the tissue of each label, a key of ``T1_TISSUES`` or ``"soft tissue"``.
        spacing: size of a voxel, in mm.
        patch_size: voxels of a patch at a random place, or None for the whole. Only the patch is computed.
        brain_only: remove all but the brain, as an extraction does: the background is 0 exactly.
        warp: ranges of the deformation.
        scanner: ranges of the scan.

    Raises:
        ValueError: a label has no tissue, or a tissue is unknown.

    Example:
        >>> labels = torch.zeros(16, 16, 16, dtype=torch.int16)
        >>> labels[4:12, 4:12, 4:12] = 2
        >>> synthesize_head(labels, generator=torch.Generator().manual_seed(0)).image.shape
        torch.Size([16, 16, 16])
    """
    contrast = draw_contrast(generator=generator, random_contrast=scanner.random_contrast)
    means, spreads = _tables(labels, tissues=tissues, contrast=contrast)
    extents = [n * size for n, size in zip(labels.shape, spacing, strict=True)]
    patch = draw_patch(labels != 0, patch_size=patch_size, generator=generator)
    deformation = draw_deformation(extents, warp=warp, generator=generator)
    axes = coordinates(patch, spacing=spacing, device=labels.device)
    voxels = deformation.source(axes) / torch.tensor(list(spacing), device=labels.device).view(3, 1, 1, 1)
    box = box_around(voxels, labels.shape)
    part = labels[box].long()
    box_axes = coordinates(box, spacing=spacing, device=labels.device)

    signal = means[part]
    if SOFT_TISSUE in tissues.values():
        fat = _fat(labels, axes=box_axes, extents=extents, spacing=spacing, generator=generator)
        signal += (
            _among(part, [SOFT_TISSUE], tissues) * fat * (contrast["fat"][0] - contrast["muscle"][0]).item()
        )
    grain = torch.randn(part.shape, generator=generator, device=generator.device).to(signal)
    lumps = random_field(box_axes, extents=extents, knot=4.0, generator=generator)
    signal += spreads[part] * (0.7 * grain + 2.5 * lumps)

    voxels -= torch.tensor([side.start for side in box], device=labels.device).view(3, 1, 1, 1)
    moved = sample_nearest(labels[box], voxels)
    signal = sample_linear(signal[None], voxels)[0]
    if brain_only:
        brain = _among(moved, EXTRACTED, tissues)
        near = gaussian_blur(brain.float(), sigma=[2.0 / size for size in spacing])
        edge = 0.3 + 0.4 * random_field(axes, extents=extents, knot=8.0, generator=generator)
        mask = (near > edge) & (brain | _among(moved, BETWEEN, tissues))
    image = acquire(signal, axes=axes, extents=extents, spacing=spacing, scanner=scanner, generator=generator)
    if brain_only:
        image, moved = image * mask, moved * mask
    return SyntheticScan(image, moved, tuple(side.start for side in patch))


def _tables(
    labels: Tensor, *, tissues: Mapping[int, str], contrast: Mapping[str, Tensor]
) -> tuple[Tensor, Tensor]:
    unknown = sorted(set(tissues.values()) - set(contrast) - {SOFT_TISSUE})
    if unknown:
        raise ValueError(f"tissues={unknown} are unknown: name some of {[*contrast, SOFT_TISSUE]}")
    present = torch.unique(labels).tolist()
    missing = [label for label in present if label not in tissues]
    if missing:
        raise ValueError(f"labels={missing} have no tissue: name one for each in tissues")
    table = torch.zeros(2, max(tissues) + 1)
    for label, name in tissues.items():
        table[:, label] = contrast["muscle" if name == SOFT_TISSUE else name]
    return table.to(labels.device)[0], table.to(labels.device)[1]


def _among(labels: Tensor, names: Sequence[str], tissues: Mapping[int, str]) -> Tensor:
    wanted = [label for label, name in tissues.items() if name in names]
    return torch.isin(labels, torch.tensor(wanted, device=labels.device))


def _fat(
    labels: Tensor,
    *,
    axes: Sequence[Tensor],
    extents: Sequence[Number],
    spacing: Sequence[Number],
    generator: torch.Generator,
) -> Float[Tensor, "depth height width"]:
    """Fraction of fat in soft tissue: sheets between muscles, lobules, and a rind under the skin."""
    coarse = random_field(axes, extents=extents, knot=20.0, generator=generator)
    sheets = 0.05 + 0.15 * coarse - random_field(axes, extents=extents, knot=7.0, generator=generator).abs()
    lobules = random_field(axes, extents=extents, knot=4.0, generator=generator) - 0.35 + 0.2 * coarse
    rind = 4 * _nearness_to_air(labels, axes=axes, spacing=spacing) - 1.1 + 0.8 * coarse
    fat = draw_uniform(0.15, 0.5, generator=generator) * torch.sigmoid(25 * sheets)
    fat += torch.sigmoid(14 * lobules)
    fat += torch.sigmoid(draw_uniform(3.0, 7.0, generator=generator) * rind)
    return fat.clamp(max=1)


def _nearness_to_air(
    labels: Tensor, *, axes: Sequence[Tensor], spacing: Sequence[Number], reach: Number = 4.0
) -> Float[Tensor, "depth height width"]:
    """Outside of the head, smoothed over ``reach`` mm: 1 far outside, 0 deep inside."""
    steps = [max(1, round(reach / size)) for size in spacing]
    head = labels[:: steps[0], :: steps[1], :: steps[2]] != 0
    outside = torch.zeros_like(head)
    for axis in (0, 1):
        outside |= head.cumsum(axis) == 0
        outside |= head.flip(axis).cumsum(axis).flip(axis) == 0
    # Slices below a cut neck: what lies above them is no skin.
    outside &= head.any(dim=1, keepdim=True).any(dim=0, keepdim=True)
    control = F.pad(outside[None, None].float(), [1, 2] * 3, mode="replicate")[0]
    scaled = [axis * (reach / (step * size)) for axis, step, size in zip(axes, steps, spacing, strict=True)]
    return spline_field(control, scaled, knot=reach)[0]
