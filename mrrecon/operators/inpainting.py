"""Images with holes, blurred beneath them if wanted."""

from jaxtyping import Bool, Float
from torch import Tensor

from mrrecon.operators.blur import Blur
from mrrecon.operators.edges import Boundary
from mrrecon.operators.linear_operator import LinearOperator
from mrrecon.operators.mask import Mask

__all__ = ["inpainting"]


def inpainting(
    mask: Bool[Tensor, "*space"],
    psf: Float[Tensor, "*size"] | None = None,
    *,
    boundary: Boundary = "reflect",
) -> LinearOperator:
    """``Mask``, or ``Mask @ Blur``: the voxels that were seen, and zeros in the holes.

    Args:
        mask: True where a voxel was seen, of the shape of the image's last axes (see ``Mask``).
        psf: point-spread function of the blur. None: there is none.
        boundary: what stands past the edge for the blur.

    Raises:
        ValueError: nothing was seen, or an argument of ``Blur`` is out of range.

    Example:
        >>> import torch
        >>> inpainting(torch.tensor([True, False]), torch.ones(1))
        Mask @ Blur
    """
    holes = Mask(mask)
    return holes if psf is None else holes @ Blur(psf, boundary)
