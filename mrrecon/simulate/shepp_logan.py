"""The head of Shepp and Logan, in two and three dimensions."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from mrrecon.simulate.phantoms import Ellipsoid, ellipsoid_phantom

__all__ = ["Contrast", "shepp_logan", "shepp_logan_ellipsoids"]

Contrast = Literal["original", "modified"]

# Half-axes, centre and turn of Shepp and Logan's ten ellipses, table of their article.
_PLANE = (
    ((0.69, 0.92), (0.0, 0.0), 0.0),
    ((0.6624, 0.874), (0.0, -0.0184), 0.0),
    ((0.11, 0.31), (0.22, 0.0), -18.0),
    ((0.16, 0.41), (-0.22, 0.0), 18.0),
    ((0.21, 0.25), (0.0, 0.35), 0.0),
    ((0.046, 0.046), (0.0, 0.1), 0.0),
    ((0.046, 0.046), (0.0, -0.1), 0.0),
    ((0.046, 0.023), (-0.08, -0.605), 0.0),
    ((0.023, 0.023), (0.0, -0.605), 0.0),
    ((0.023, 0.046), (0.06, -0.605), 0.0),
)
# Half-axes, centre and turn of Kak and Slaney's ten ellipsoids, as printed by Koay, Sarlls and Özarslan.
_SPACE = (
    ((0.69, 0.92, 0.9), (0.0, 0.0, 0.0), 0.0),
    ((0.6624, 0.874, 0.88), (0.0, 0.0, 0.0), 0.0),
    ((0.41, 0.16, 0.21), (-0.22, 0.0, -0.25), 108.0),
    ((0.31, 0.11, 0.22), (0.22, 0.0, -0.25), 72.0),
    ((0.21, 0.25, 0.5), (0.0, 0.35, -0.25), 0.0),
    ((0.046, 0.046, 0.046), (0.0, 0.1, -0.25), 0.0),
    ((0.046, 0.023, 0.02), (-0.08, -0.65, -0.25), 0.0),
    ((0.046, 0.023, 0.02), (0.06, -0.65, -0.25), 90.0),
    ((0.056, 0.04, 0.1), (0.06, -0.105, 0.625), 90.0),
    ((0.056, 0.056, 0.1), (0.0, 0.1, 0.625), 0.0),
)
_VALUES: dict[tuple[int, str], tuple[float, ...]] = {
    (2, "original"): (2.0, -0.98, -0.02, -0.02, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01),
    (2, "modified"): (1.0, -0.8, -0.2, -0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1),
    (3, "original"): (2.0, -0.98, -0.02, -0.02, 0.02, 0.02, 0.01, 0.01, 0.02, -0.02),
    (3, "modified"): (1.0, -0.8, -0.2, -0.2, 0.2, 0.2, 0.1, 0.1, 0.2, -0.2),
}


def shepp_logan_ellipsoids(ndim: int = 2, contrast: Contrast = "modified") -> tuple[Ellipsoid, ...]:
    """The bodies of the head: ellipses of Shepp and Logan, or ellipsoids of Kak and Slaney.

    In 2-D the third half-axis is 1 and stands for nothing. In 3-D the table is that of Kak and Slaney, as
    printed by Koay and others, which turns bodies about the third axis only; it is no stack of the 2-D head.

    Args:
        ndim: 2 or 3.
        contrast: "original": skull 2, brain 1.02, details of 1 and 2 %. "modified": skull 1, brain 0.2,
            details ten times as strong; in 2-D these are Toft's values.

    Raises:
        ValueError: another dimension or contrast.

    Reference:
        L. A. Shepp and B. F. Logan, "The Fourier reconstruction of a head section", IEEE Transactions on
        Nuclear Science 21 (1974), doi:10.1109/TNS.1974.6499235. P. Toft, "The Radon transform: theory and
        implementation", Technical University of Denmark 1996. A. C. Kak and M. Slaney, "Principles of
        computerized tomographic imaging", SIAM 2001, doi:10.1137/1.9780898719277, table 3.1. C. G. Koay,
        J. E. Sarlls and E. Özarslan, "Three-dimensional analytical magnetic resonance imaging phantom in the
        Fourier domain", Magnetic Resonance in Medicine 58 (2007), doi:10.1002/mrm.21292.

    Example:
        >>> len(shepp_logan_ellipsoids(3))
        10
    """
    if (ndim, contrast) not in _VALUES:
        raise ValueError(f'ndim={ndim} must be 2 or 3, and contrast={contrast!r} "original" or "modified"')
    values = _VALUES[ndim, contrast]
    if ndim == 3:
        return tuple(Ellipsoid(v, *body) for v, body in zip(values, _SPACE, strict=True))
    return tuple(
        Ellipsoid(v, (*radii, 1.0), (*centre, 0.0), turn)
        for v, (radii, centre, turn) in zip(values, _PLANE, strict=True)
    )


def shepp_logan(
    shape: Sequence[int],
    *,
    contrast: Contrast = "modified",
    samples: int = 1,
    ellipsoids: Sequence[Ellipsoid] | None = None,
) -> Float[Tensor, "*space"]:
    """Picture of the head as CT shows it: rows from the front of the head down, columns to the right.

    The field of view fills the shape, whatever its sides. A volume is a stack of slices from the feet up; its
    last two axes are those of an image. ``exact_sinogram`` and ``exact_fourier`` know what it transforms to.

    Args:
        shape: (rows, columns) or (slices, rows, columns).
        contrast: of ``shepp_logan_ellipsoids``.
        samples: points along each side of a pixel whose mean is its value. 1: its middle decides; 4 and
            more come close to the mean over its area, which is what a scanner measures.
        ellipsoids: other bodies than the head's.

    Raises:
        ValueError: the shape has not 2 or 3 sides of at least 1, or ``samples`` is below 1.

    Example:
        >>> shepp_logan((64, 64))[[1, 32, 62], 32]
        tensor([0.0000, 0.2000, 0.0000])
    """
    if len(shape) not in (2, 3) or any(n < 1 for n in shape):
        raise ValueError(f"shape={tuple(shape)} must have 2 or 3 sides, each at least 1")
    if samples < 1:
        raise ValueError(f"samples={samples} must be at least 1")
    bodies = shepp_logan_ellipsoids(len(shape), contrast) if ellipsoids is None else tuple(ellipsoids)
    # The phantom's axes point right, to the front and up.
    sides = [*shape[::-1], 1] if len(shape) == 2 else list(shape[::-1])
    steps = [(2 * k + 1 - samples) / samples for k in range(samples)]
    total = torch.zeros(sides)
    for shift in product(*([step / n for step in steps] if n > 1 else [0.0] for n in sides)):
        moved = [_moved(body, shift) for body in bodies]
        total += ellipsoid_phantom(sides, ellipsoids=moved)
    mean = total / samples ** sum(n > 1 for n in sides)
    picture = mean.permute(2, 1, 0).flip(1).contiguous()
    return picture[0] if len(shape) == 2 else picture


def _moved(body: Ellipsoid, shift: Sequence[float]) -> Ellipsoid:
    right, front, up = (c - d for c, d in zip(body.centre, shift, strict=True))
    return replace(body, centre=(right, front, up))
