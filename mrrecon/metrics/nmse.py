"""Squared error as a part of the image's own square."""

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["nmse"]


def nmse(
    pred: Float[Tensor, "batch channels *spatial"], target: Float[Tensor, "batch channels *spatial"]
) -> Float[Tensor, " batch"]:
    r"""Normalised mean squared error of each image, $\|p - t\|^2 / \|t\|^2$; float64 inside.

    Args:
        pred: image of any spatial dimension.
        target: reference, not zero everywhere.

    Raises:
        ValueError: the shapes differ, or a reference is zero everywhere.

    Example:
        >>> nmse(torch.zeros(1, 1, 4), torch.ones(1, 1, 4))
        tensor([1.])

    Reference:
        Zbontar et al., fastMRI: An open dataset and benchmarks for accelerated MRI, 2018,
        DOI 10.48550/arXiv.1811.08839
    """
    if pred.shape != target.shape:
        raise ValueError(
            f"pred has the shape {tuple(pred.shape)}, target {tuple(target.shape)}: give equal ones"
        )
    errors = torch.linalg.vector_norm((pred.double() - target.double()).flatten(1), dim=1)
    own = torch.linalg.vector_norm(target.double().flatten(1), dim=1)
    if not bool((own > 0).all()):
        raise ValueError("target is zero everywhere: there is nothing to compare with")
    return (errors / own).square().to(pred.dtype)
