"""Where in a volume a synthetic patch lies, in voxels and in mm."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mrrecon.simulate.fields import Number, draw_uniform

__all__ = ["coordinates", "draw_patch"]


def draw_patch(
    foreground: Bool[Tensor, "depth height width"],
    *,
    patch_size: Sequence[int] | None,
    generator: torch.Generator,
) -> tuple[slice, slice, slice]:
    """Patch whose centre is uniform in the bounding box of the foreground, shifted to lie inside the volume.

    Args:
        foreground: what must not be missed.
        patch_size: voxels along each axis, or None for the whole volume.
        generator: source of the random numbers.

    Raises:
        ValueError: the patch is larger than the volume.

    Example:
        >>> draw_patch(
        ...     torch.ones(4, 5, 6).bool(), patch_size=(4, 5, 6), generator=torch.Generator().manual_seed(0)
        ... )
        (slice(0, 4, None), slice(0, 5, None), slice(0, 6, None))
    """
    shape = tuple(foreground.shape)
    size = shape if patch_size is None else tuple(patch_size)
    if len(size) != 3 or any(not 1 <= wanted <= n for wanted, n in zip(size, shape, strict=True)):
        raise ValueError(f"patch_size={size} must be three sizes within those of the volume, {shape}")
    patch = []
    for axis, (wanted, n) in enumerate(zip(size, shape, strict=True)):
        others = [other for other in range(3) if other != axis]
        used = foreground.any(dim=others[1]).any(dim=others[0]).nonzero()
        low, high = (used[0].item(), used[-1].item() + 1) if len(used) else (0, n)
        centre = draw_uniform(low, high, generator=generator)
        start = min(max(round(centre - wanted / 2), 0), n - wanted)
        patch.append(slice(start, start + wanted))
    return patch[0], patch[1], patch[2]


def coordinates(
    box: Sequence[slice], *, spacing: Sequence[Number], device: torch.device
) -> list[Float[Tensor, " _"]]:
    """Coordinates of the voxels of a box along each axis, in mm from the first voxel of the volume.

    Args:
        box: first and one past the last voxel along each axis.
        spacing: size of a voxel, in mm.
        device: where the coordinates live.

    Example:
        >>> coordinates([slice(1, 3)], spacing=[2.0], device=torch.device("cpu"))
        [tensor([2., 4.])]
    """
    return [
        size * torch.arange(side.start, side.stop, dtype=torch.float32, device=device)
        for side, size in zip(box, spacing, strict=True)
    ]
