"""Tissue maps of a T1-weighted scan."""

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from mrrecon.morphometry.affine_registration import register_affine
from mrrecon.morphometry.alignment import Alignment
from mrrecon.morphometry.bias_field import CosineField
from mrrecon.morphometry.brain_mask import clean_brain, head_starts
from mrrecon.morphometry.diffeomorphism import exponential, register_tissues
from mrrecon.morphometry.grid import Grid, apply_affine, grid_points, sample_linear
from mrrecon.morphometry.mixture import Mixture, fit_mixture
from mrrecon.morphometry.plausibility import white_correlation
from mrrecon.morphometry.prepared_scan import PreparedScan, prepare_scan
from mrrecon.morphometry.priors import TissuePriors, pool
from mrrecon.morphometry.region import Region
from mrrecon.morphometry.segmentation_error import SegmentationError
from mrrecon.morphometry.template import TissueTemplate, load_template
from mrrecon.morphometry.tissue_maps import TissueMaps
from mrrecon.morphometry.voxel_tissues import MIXED, N_SWEEPS, PARTS, SHARE_MIXED, voxel_tissues

__all__ = ["segment_tissues"]

FIELD_FACTOR = 3
"""Voxels of the template, 1 mm, to one of the displacement: finer ones would follow single folds."""

POINT_SPACING = 4.0
"""Distance, in mm, of the voxels to which the mixture is fitted: some 20 000 of a brain."""

COARSE_SPACING = 2.0
"""Size, in mm, of the voxels of the maps that are aligned."""

LEAST_CORRELATION = 0.5
"""Correlation of brightness with the white matter expected, in the brain, below which no maps are given."""
# Measured. Right: 9 extracted brains and heads, real and synthetic, 0.59 to 0.64; a head of 4 mm voxels 0.56.
# Wrong: noise, a ball, blobs, a stack of CT slices, the left half of a brain at most 0.1; a cylinder 0.29, a
# knee 0.32; brains upside down 0.20 and 0.25, back to front 0.34; a head aligned with its scalp 0.39. The
# upper half of a brain, 0.51, passes.
# An overlap of the tissues, which would hold their priors, tells nothing: 0.96 for noise.

ROUNDS = ((3.0, ((2, 30), (1, 10))), (2.0, ((1, 10),)))
"""Spread of the priors in mm, and levels and steps of the non-linear alignment: first rough, then fine."""

LAST_SPREAD = 1.5
"""Spread of the priors, in mm, once the alignment is done: what it leaves open."""


@torch.no_grad()
def segment_tissues(
    image: Tensor | np.ndarray,
    affine: np.ndarray,
    *,
    brain_extracted: bool | None = None,
    template: TissueTemplate | None = None,
    markov_strength: float = 1.0,
    bias_length: float = 60.0,
    device: torch.device | str | None = None,
) -> TissueMaps:
    """Fractions of CSF, grey and white matter in every voxel of a T1-weighted scan, with or without skull.

    The tissues of the template, aligned with the scan, are the prior of a mixture of Gaussians, fitted
    together with the gain of the coils; from its posterior the alignment is made finer, and in turn. Voxels
    on a border hold two tissues in part, and a Markov field lets neighbours agree. The result is the same
    every time, and for every order in which the axes of the scan are stored.

    Trust it for T1-weighted scans of adult brains whose skull was removed, about upright by their affine.
    Of whole heads the alignment may fail: two of five synthetic heads were refused, none of four real ones.
    Look at those that are given, and do not use their CSF. Of CSF in coarse voxels (3 mm) half as much again
    is found. Do not use it for children, other contrasts, large lesions, or a part of a brain.

    Args:
        image: scan of three axes in any orientation, spacing (up to 5 mm) and unit.
        affine: 4 x 4, voxel index to mm (right, anterior, superior).
        brain_extracted: whether only the brain is left of the scan, on a constant background; None finds
            out.
        template: average brain; default: the MNI152 template.
        markov_strength: by how much, in nats, a tissue becomes more likely in a voxel all of whose six
            neighbours are of it; from 0 up.
        bias_length: shortest half period of the gain of the coils, in mm; what varies faster is anatomy.
        device: where to compute; default: the processor.

    Raises:
        ValueError: the image has not three axes, no voxels or NaN, or an option is out of its range.
        SegmentationError: no brain is seen, or it could not be aligned with the template.

    Reference:
        Ashburner, Friston, Unified segmentation, NeuroImage 2005, DOI 10.1016/j.neuroimage.2005.02.018

    Example:
        >>> segment_tissues(torch.zeros(64, 64, 64), 3 * np.eye(4))
        Traceback (most recent call last):
        ...
        mrrecon.morphometry.segmentation_error.SegmentationError: the image shows no brain: all its...
    """
    if not markov_strength >= 0:
        raise ValueError(f"markov_strength={markov_strength} must be 0 or more")
    if not bias_length >= 20:
        raise ValueError(f"bias_length={bias_length} must be at least 20 mm")
    where = torch.device("cpu" if device is None else device)
    scan = prepare_scan(image, affine, brain_extracted=brain_extracted, device=where)
    template = load_template() if template is None else template
    template = TissueTemplate(template.tissues.to(where), template.grid)
    priors = TissuePriors(template, extracted=scan.extracted)
    coarse = TissueTemplate(*pool(template.tissues, template.grid, FIELD_FACTOR))

    alignment = _affine_alignment(scan, template, coarse.grid)
    field = _gain(scan, coarse, alignment, shortest=bias_length)
    mixture, velocity = None, None
    for spread, levels in ROUNDS:
        mixture = _fit(scan, priors, alignment, field, spread=spread, start=mixture)
        seen = _seen_tissues(scan, priors, alignment, field, mixture, spread=spread)
        alignment, velocity = _bent(alignment, coarse, seen, velocity, levels=levels)
    mixture = _fit(scan, priors, alignment, field, spread=LAST_SPREAD, start=mixture)
    alignment = _borne_out(scan, priors, alignment, field, mixture)
    return _finished(scan, priors, alignment, field, mixture, strength=markov_strength)


def _affine_alignment(scan: PreparedScan, template: TissueTemplate, grid: Grid) -> Alignment:
    starts = head_starts(scan.mask.cpu().numpy(), scan.grid.affine, extracted=scan.extracted)
    values = scan.values * scan.mask if scan.extracted else scan.values
    matrix = register_affine(values, scan.grid.affine, template, starts=starts)
    still = torch.zeros(3, *grid.shape, device=values.device)
    return Alignment(matrix, still, still, grid, scan.own)


def _gain(
    scan: PreparedScan, coarse: TissueTemplate, alignment: Alignment, *, shortest: float
) -> CosineField:
    tissues, grid = coarse.tissues, coarse.grid
    inside = grid_points(grid.shape, device=tissues.device)[:, tissues.sum(0) > 0.1]
    mm = alignment.scan_points(apply_affine(grid.affine, inside))
    spacing = torch.tensor(scan.grid.spacing, device=mm.device)[:, None]
    places = apply_affine(np.linalg.inv(scan.grid.affine), mm) * spacing
    low, high = places.amin(1) - 10, places.amax(1) + 10
    return CosineField(tuple(low.tolist()), tuple((high - low).tolist()), shortest=shortest)


def _box(scan: PreparedScan, field: CosineField) -> tuple[slice, ...]:
    """Voxels among which the brain lies."""
    if scan.extracted:
        return tuple(slice(int(i.min()), int(i.max()) + 1) for i in scan.mask.nonzero().T)
    sides = []
    for axis, (n, size) in enumerate(zip(scan.grid.shape, scan.grid.spacing, strict=True)):
        first = min(max(0, int(field.start[axis] / size)), n - 1)
        last = max(first + 1, min(n, int((field.start[axis] + field.extents[axis]) / size) + 1))
        sides.append(slice(first, last))
    return tuple(sides)


def _bias(scan: PreparedScan, field: CosineField, mixture: Mixture) -> Float[Tensor, "x y z"]:
    device = scan.values.device
    sides = zip(scan.grid.shape, scan.grid.spacing, strict=True)
    return field.on_axes(mixture.coefficients, [torch.arange(n, device=device) * size for n, size in sides])


def _points(
    scan: PreparedScan, field: CosineField
) -> tuple[Float[Tensor, "3 n"], Float[Tensor, " n"], Float[Tensor, "n cosines"]]:
    """Points of the scan to which the mixture is fitted: where they lie (mm), brightness, cosines."""
    device = scan.values.device
    axes = []
    for side, size in zip(_box(scan, field), scan.grid.spacing, strict=True):
        step = max(1, round(POINT_SPACING / size))
        axes.append(torch.arange(side.start + min(step // 2, side.stop - side.start - 1), side.stop, step))
    voxels = torch.stack(torch.meshgrid(*axes, indexing="ij")).reshape(3, -1).to(device)
    if scan.extracted:
        voxels = voxels[:, scan.mask[voxels[0], voxels[1], voxels[2]]]
    values = scan.values[voxels[0], voxels[1], voxels[2]]
    # Exact zeros are no measurement: they were cut away.
    voxels, values = voxels[:, values > 0], values[values > 0]
    spacing = torch.tensor(scan.grid.spacing, device=device)[:, None]
    return apply_affine(scan.grid.affine, voxels), values, field.basis(voxels * spacing)


def _fit(
    scan: PreparedScan,
    priors: TissuePriors,
    alignment: Alignment,
    field: CosineField,
    *,
    spread: float,
    start: Mixture | None,
) -> Mixture:
    mm, values, basis = _points(scan, field)
    return fit_mixture(
        values,
        priors.at(mm, alignment, spread=spread),
        basis,
        stiffness=field.stiffness(values.device),
        n_gaussians=priors.n_gaussians,
        mixed=MIXED,
        share_mixed=len(PARTS) * SHARE_MIXED,
        start=start,
    )


def _borne_out(
    scan: PreparedScan, priors: TissuePriors, alignment: Alignment, field: CosineField, mixture: Mixture
) -> Alignment:
    """The alignment with how well brightness bears it out, if it does."""
    mm, values, basis = _points(scan, field)
    even = values * torch.exp(-(basis @ mixture.coefficients))
    found = white_correlation(even, priors.at(mm, alignment, spread=LAST_SPREAD))
    if not found >= LEAST_CORRELATION:
        raise SegmentationError(
            f"the image shows no T1-weighted brain that could be aligned with the template: brightness and "
            f"the white matter expected correlate by {found:.2f}, less than {LEAST_CORRELATION:g}"
        )
    return replace(alignment, correlation=found)


def _seen_tissues(
    scan: PreparedScan,
    priors: TissuePriors,
    alignment: Alignment,
    field: CosineField,
    mixture: Mixture,
    *,
    spread: float,
) -> Float[Tensor, "3 i j k"]:
    """Tissues of the scan on the grid of the displacement, after the affine map alone."""
    box = _box(scan, field)
    factors = [max(1, round(COARSE_SPACING / size)) for size in scan.grid.spacing]
    factors = [min(f, side.stop - side.start) for f, side in zip(factors, box, strict=True)]
    coarse = F.avg_pool3d((scan.values / _bias(scan, field, mixture))[box][None], factors)[0]
    block = np.diag([*factors, 1.0])
    block[:3, 3] = [side.start + (f - 1) / 2 for side, f in zip(box, factors, strict=True)]
    affine = scan.grid.affine @ block
    mm = apply_affine(affine, grid_points(coarse.shape, device=coarse.device))
    tissues = mixture.posterior(coarse, priors.at(mm, alignment, spread=spread))[:3]
    if scan.extracted:
        tissues = tissues * F.avg_pool3d(scan.mask[box][None].float(), factors)[0]
    points = apply_affine(alignment.field.affine, grid_points(alignment.field.shape, device=coarse.device))
    return sample_linear(tissues, apply_affine(np.linalg.inv(affine) @ alignment.affine, points))


def _bent(
    alignment: Alignment,
    coarse: TissueTemplate,
    seen: Float[Tensor, "3 i j k"],
    velocity: Float[Tensor, "3 i j k"] | None,
    *,
    levels: tuple[tuple[int, int], ...],
) -> tuple[Alignment, Tensor]:
    """Alignment whose displacement brings grey and white matter onto those of the template.

    How much fluid is left around the brain depends on the extraction: it takes no part.
    """
    velocity = register_tissues(coarse.tissues[1:], seen[1:], velocity=velocity, levels=levels)
    forward, backward = exponential(velocity), exponential(-velocity)
    size = torch.tensor(alignment.field.spacing, device=seen.device).view(3, 1, 1, 1)
    return replace(alignment, forward=forward * size, backward=backward * size), velocity


def _finished(
    scan: PreparedScan,
    priors: TissuePriors,
    alignment: Alignment,
    field: CosineField,
    mixture: Mixture,
    *,
    strength: float,
) -> TissueMaps:
    box, bias = _box(scan, field), _bias(scan, field, mixture)
    device = bias.device
    wanted = scan.mask[box] if scan.extracted else torch.ones_like(scan.mask[box])
    region = Region.around(wanted, n_shells=N_SWEEPS)
    corner = torch.tensor([side.start for side in box], device=device)[:, None]
    mm = apply_affine(scan.grid.affine, region.voxels + corner)
    expected = priors.at(mm, alignment, spread=LAST_SPREAD)
    values = (scan.values[box] / bias[box])[tuple(region.voxels)]
    held = voxel_tissues(mixture, values, expected, region, strength=strength, spacing=scan.grid.spacing)[:3]
    found = torch.zeros(3, *region.shape, device=device)
    found[:, wanted] = held.clamp(0, 1)
    brain = wanted
    if not scan.extracted:
        brain = torch.from_numpy(clean_brain(found.sum(0), spacing=scan.grid.spacing)).to(device)
        found *= brain
    maps = torch.zeros(3, *scan.grid.shape, device=device)
    maps[:, box[0], box[1], box[2]] = found
    middle = bias[box][brain].mean() if bool(brain.any()) else 1.0
    return TissueMaps(
        scan.as_given(maps),
        scan.own.affine,
        scan.as_given((bias / middle)[None], around="replicate")[0],
        alignment,
    )
