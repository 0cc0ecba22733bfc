"""Whether a scan bears out the tissues that an alignment claims, from its brightness alone."""

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["white_correlation"]

SURE = 0.8
"""Share of grey and white matter together above which a point counts: fluid and scalp take no part."""


def white_correlation(values: Float[Tensor, " n"], priors: Float[Tensor, "k n"]) -> float:
    """Correlation of brightness with the share of white matter that the template expects, within the brain.

    No posterior enters, which would repeat its priors whatever the scan shows.

    Args:
        values: brightness freed from the gain.
        priors: probability of CSF, grey and white matter and of what is no brain, as the aligned template
            has them.

    Returns:
        From -1 to 1; 0 if there are no points in grey and white matter, or all are equally bright.

    Example:
        >>> priors = torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
        >>> round(white_correlation(torch.tensor([0.6, 0.9, 0.1]), priors), 3)
        1.0
    """
    inside = priors[1] + priors[2] > SURE
    if int(inside.sum()) < 2:
        return 0.0
    share = priors[2, inside] / (priors[1, inside] + priors[2, inside])
    pair = torch.stack([values[inside], share]).double()
    pair = pair - pair.mean(1, keepdim=True)
    spread = pair.square().sum(1).prod().sqrt()
    return float(pair.prod(0).sum() / spread) if spread > 0 else 0.0
