"""Peak signal-to-noise ratio."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mrrecon.metrics.pairs import check_data_range, check_finite, check_pair, squared_distance

__all__ = ["PSNR", "psnr"]


def psnr(
    pred: Float[Tensor, "batch channels *spatial"],
    target: Float[Tensor, "batch channels *spatial"],
    *,
    data_range: float,
) -> Float[Tensor, " batch"]:
    r"""Peak signal-to-noise ratio in dB: infinity for equal images, greater for better ones.

    $$ \mathrm{PSNR} = 10 \log_{10} \frac{L^2}{\langle (x - y)^2 \rangle} $$

    Args:
        pred: image of any spatial dimension. float16 and bfloat16 are computed in float32.
        target: reference.
        data_range: $L$, the greatest possible intensity minus the least (1 for images in [0, 1]).

    Returns:
        One value per element of the batch, the mean square being over its channels and voxels.

    Raises:
        TypeError: an image is not of a floating-point type.
        ValueError: the shapes differ, an image is not finite, or ``data_range`` is not positive.

    Example:
        >>> psnr(torch.full((1, 1, 4, 4), 0.1), torch.zeros(1, 1, 4, 4), data_range=1.0)
        tensor([20.])
    """
    check_pair(pred, target)
    check_data_range(data_range)
    work = torch.promote_types(pred.dtype, torch.float32)
    mean_square = squared_distance(pred, target, unit=data_range, dtype=work) / pred[0].numel()
    check_finite(mean_square, {"pred": pred, "target": target})
    return -10 * mean_square.log10()


@dataclass(frozen=True, kw_only=True)
class PSNR:
    """``psnr`` with its settings held, for a workflow that calls ``metric(pred, target)``.

    Args:
        data_range: the greatest possible intensity minus the least.

    Example:
        >>> PSNR(data_range=10.0)(torch.ones(2, 1, 4, 4), torch.zeros(2, 1, 4, 4))
        tensor([20., 20.])
    """

    data_range: float

    def __call__(
        self, pred: Float[Tensor, "batch channels *spatial"], target: Float[Tensor, "batch channels *spatial"]
    ) -> Float[Tensor, " batch"]:
        """One value per element of the batch."""
        return psnr(pred, target, data_range=self.data_range)
