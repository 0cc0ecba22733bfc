"""Discrete cosine transform of volumes, one matrix product an axis."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["dct3d", "idct3d"]


def dct3d(x: Float[Tensor, "*batch depth height width"]) -> Float[Tensor, "*batch depth height width"]:
    r"""Orthonormal cosine transform (DCT-II) of the last three axes.

    Along each axis of n voxels

    $$ X_k = s_k \sum_{j=0}^{n-1} x_j \cos\left(\frac{\pi (2j + 1) k}{2n}\right),
       \quad s_0 = \sqrt{1/n}, \; s_{k>0} = \sqrt{2/n} $$

    The transform is a rotation: it keeps sums of squares (Parseval), and ``idct3d`` is its inverse and its
    adjoint.

    Three matrix products take less time than Fourier transforms up to at least 256 voxels an axis. They are
    computed in the precision of ``x`` also inside of ``torch.autocast``.

    Args:
        x: volumes.

    Example:
        >>> dct3d(torch.ones(2, 2, 4))[0, 0].abs()  # the mean times the root of the number of voxels
        tensor([4.0000, 0.0000, 0.0000, 0.0000])

    Reference:
        Ahmed, Natarajan, Rao. Discrete cosine transform. IEEE Transactions on Computers, 1974.
        https://doi.org/10.1109/T-C.1974.223784
    """
    depth, height, width = (_matrix(n, x) for n in x.shape[-3:])
    return _along_axes(x, depth, height, width)


def idct3d(x: Float[Tensor, "*batch depth height width"]) -> Float[Tensor, "*batch depth height width"]:
    """Inverse of ``dct3d``: volumes from their cosine coefficients.

    Args:
        x: coefficients, the lowest frequency first along each of the last three axes.

    Example:
        >>> idct3d(dct3d(torch.arange(8.0).reshape(2, 2, 2))).flatten().round().abs()
        tensor([0., 1., 2., 3., 4., 5., 6., 7.])
    """
    depth, height, width = (_matrix(n, x).T for n in x.shape[-3:])
    return _along_axes(x, depth, height, width)


def _along_axes(x: Tensor, depth: Tensor, height: Tensor, width: Tensor) -> Tensor:
    with torch.autocast(x.device.type, enabled=False):
        x = height @ (x @ width.T)
        return (depth @ x.flatten(-2)).view(x.shape)


def _matrix(n: int, like: Tensor) -> Tensor:
    """Row k holds the cosine of frequency k. Made anew each time: 1 ms for n = 256, no state to keep.

    It is made on the CPU in double precision whatever ``like`` is: all devices use the same numbers.
    """
    frequency = torch.arange(n).unsqueeze(1)
    # The cosine repeats after 4 n steps of pi / (2 n): whole numbers keep its argument small and exact.
    steps = (2 * torch.arange(n) + 1) * frequency % (4 * n)
    matrix = torch.cos(steps.double() * (math.pi / (2 * n))) * math.sqrt(2 / n)
    matrix[0] = math.sqrt(1 / n)
    return matrix.to(device=like.device, dtype=like.dtype)
