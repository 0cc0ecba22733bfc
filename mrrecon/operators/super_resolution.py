"""A coarse image of a fine one."""

from collections.abc import Sequence
from typing import Literal

from mrrecon.operators.downsample import Downsample
from mrrecon.operators.edges import Boundary
from mrrecon.operators.point_spread import box_psf, gaussian_psf

__all__ = ["super_resolution"]


def super_resolution(
    factor: Sequence[int],
    profile: Literal["box", "gaussian"] = "box",
    *,
    boundary: Boundary = "reflect",
) -> Downsample:
    """``Downsample`` by the profile of a coarse voxel: its mean, or a Gaussian as wide at half maximum.

    Args:
        factor: coarse / fine voxel size along each of the last axes, whole numbers from 1 up.
        profile: ``"box"`` or ``"gaussian"``.
        boundary: what stands past the edge.

    Raises:
        TypeError: a factor is not a whole number.
        ValueError: a factor, ``profile`` or ``boundary`` is out of range.

    Example:
        >>> import torch
        >>> super_resolution([2])(torch.tensor([1.0, 3.0, 5.0, 9.0]))
        tensor([2., 7.])
    """
    if profile not in ("box", "gaussian"):
        raise ValueError(f'profile={profile!r} must be "box" or "gaussian"')
    coarse = Downsample(factor)
    # An axis that stays as it is is not blurred.
    widths = [float(f) if profile == "box" or f > 1 else 0.0 for f in coarse.factor]
    psf = box_psf(widths) if profile == "box" else gaussian_psf(widths)
    return Downsample(factor, psf, boundary=boundary)
