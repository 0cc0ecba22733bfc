"""Convolution for images of which only a part was observed."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SparseConvolution(nn.Module):
    r"""Convolution that averages over what was observed, and carries the mask on.

    $$ r_k = \frac{|N(k)|}{\sum_{j \in N(k)} m_j} \sum_{j \in N(k)} m_j \, y_j \, c_{j-k} + b, \qquad
       m'_k = \Big[ \sum_{j \in N(k)} m_j > 0 \Big] $$

    (eq. 11 and 12.) ``N(k)`` is the part of the kernel that lies inside the image, so that with everything
    observed this is the ordinary convolution with zeros around the image, up to its border. Where nothing of
    ``N(k)`` was observed, the response is 0, without the bias.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of ``y``.
        out_channels: channels of the response.
        kernel_size: odd; the size stays the same but for the stride.
        stride: step between positions.
        bias: whether ``b`` is added. The paper has none.

    Raises:
        ValueError: ``spatial_dims`` is neither 2 nor 3, or ``kernel_size`` is even.

    Example:
        >>> conv = SparseConvolution(2, 1, 1)
        >>> r, mask = conv(torch.ones(1, 1, 5, 5), torch.zeros(1, 1, 5, 5))
        >>> bool(r.any()), bool(mask.any())
        (False, False)

    Reference:
        Uhrig et al. Sparsity invariant CNNs. 3DV 2017. https://doi.org/10.1109/3DV.2017.00012
    """

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int,
        out_channels: int,
        *,
        kernel_size: int = 3,
        stride: int = 1,
        bias: bool = False,
    ) -> None:
        super().__init__()
        if spatial_dims not in (2, 3):
            raise ValueError(f"spatial_dims={spatial_dims} must be 2 or 3")
        if kernel_size % 2 == 0:
            raise ValueError(f"kernel_size={kernel_size} must be odd")
        self.spatial_dims = spatial_dims
        self.kernel_size = kernel_size
        self.stride = stride
        self.padding = kernel_size // 2
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, *[kernel_size] * spatial_dims))
        nn.init.kaiming_normal_(self.weight, nonlinearity="relu")
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None

    def forward(self, y: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Response and its mask.

        Args:
            y: image, (batch, in_channels, *spatial). What stands at missing voxels has no influence.
            mask: 1 where observed, 0 where missing, (batch, 1, *spatial), the same for all channels.

        Returns:
            Response, (batch, out_channels, *spatial / stride), and mask, (batch, 1, *spatial / stride).
        """
        y = torch.where(mask > 0, y, torch.zeros_like(y))
        size, stride, padding = self.kernel_size, self.stride, self.padding
        # The share of the kernel's part inside the image that was observed: sum m / |N(k)|.
        # (count_include_pad=False says the same, but refuses images smaller than the kernel.)
        frame = [padding] * (2 * self.spatial_dims)
        inside = F.pad(torch.ones_like(mask[:1]), frame)
        if self.spatial_dims == 2:
            r = F.conv2d(y, self.weight, None, stride, padding)
            share = F.avg_pool2d(F.pad(mask, frame), size, stride) / F.avg_pool2d(inside, size, stride)
        else:
            r = F.conv3d(y, self.weight, None, stride, padding)
            share = F.avg_pool3d(F.pad(mask, frame), size, stride) / F.avg_pool3d(inside, size, stride)
        observed = (share > 0).to(mask.dtype)
        r = r / torch.where(share > 0, share, torch.ones_like(share))
        if self.bias is not None:
            r = r + self.bias.view([1, -1] + [1] * self.spatial_dims)
        return r * observed, observed
