"""Hourglass network with thin skip connections: a prior for images by its shape alone."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_CONV = {2: nn.Conv2d, 3: nn.Conv3d}
_NORM = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}


class _Convolution(nn.Module):
    """Convolution of a mirrored image, batch normalisation, leaky ReLU."""

    def __init__(self, dims: int, n_in: int, n_out: int, *, kernel_size: int, stride: int = 1) -> None:
        super().__init__()
        # Reflection needs two voxels a side; where the coarsest level has one, it is repeated.
        self.frame = [kernel_size // 2] * (2 * dims)
        self.conv = _CONV[dims](n_in, n_out, kernel_size, stride)
        self.norm = _NORM[dims](n_out)

    def forward(self, x: Tensor) -> Tensor:
        if self.frame[0] > 0:
            x = F.pad(x, self.frame, "replicate" if min(x.shape[2:]) < 2 else "reflect")
        return F.leaky_relu(self.norm(self.conv(x)), 0.2)


class _Scale(nn.Module):
    """One scale of the hourglass: down, what is below, up; beside it the skip."""

    def __init__(self, dims: int, n_in: int, widths: Sequence[tuple[int, int, int]]) -> None:
        super().__init__()
        down, up, skip = widths[0]
        self.mode = "bilinear" if dims == 2 else "trilinear"
        self.down = nn.Sequential(
            _Convolution(dims, n_in, down, kernel_size=3, stride=2),
            _Convolution(dims, down, down, kernel_size=3),
        )
        self.below = _Scale(dims, down, widths[1:]) if len(widths) > 1 else nn.Identity()
        self.skip = _Convolution(dims, n_in, skip, kernel_size=1) if skip > 0 else None
        below = widths[1][1] if len(widths) > 1 else down
        self.norm = _NORM[dims](skip + below)
        self.up = nn.Sequential(
            _Convolution(dims, skip + below, up, kernel_size=3),
            _Convolution(dims, up, up, kernel_size=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        h = self.below(self.down(x))
        h = F.interpolate(h, size=x.shape[2:], mode=self.mode, align_corners=False)
        if self.skip is not None:
            h = torch.cat([self.skip(x), h], dim=1)
        return self.up(self.norm(h))


class SkipNetwork(nn.Module):
    """Image from fixed noise; with the default sizes, that of the deep image prior: 2,217,573 parameters.

    Each scale halves the image by a strided convolution and doubles it again (linear interpolation), with a
    skip of few channels beside. It is never trained on a collection: its weights are fitted to one
    measurement (``solvers.deep_image_prior``), and natural images come out before noise does.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the noise.
        out_channels: channels of the image.
        down: channels on the way down at each scale, finest first.
        up: on the way up.
        skip: of the skips; 0 for none.
        sigmoid: whether the image is kept between 0 and 1.

    Raises:
        ValueError: ``spatial_dims`` is neither 2 nor 3, or the three lists differ in length or are empty.

    Example:
        >>> SkipNetwork(2, 3, 1, down=[4, 4], up=[4, 4], skip=[2, 0])(torch.rand(1, 3, 9, 12)).shape
        torch.Size([1, 1, 9, 12])

    Reference:
        Ulyanov, Vedaldi, Lempitsky. Deep image prior. IJCV 2020. https://doi.org/10.1007/s11263-020-01303-4
    """

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int = 32,
        out_channels: int = 1,
        *,
        down: Sequence[int] = (128, 128, 128, 128, 128),
        up: Sequence[int] = (128, 128, 128, 128, 128),
        skip: Sequence[int] = (4, 4, 4, 4, 4),
        sigmoid: bool = True,
    ) -> None:
        super().__init__()
        if spatial_dims not in (2, 3):
            raise ValueError(f"spatial_dims={spatial_dims} must be 2 or 3")
        if not down or not len(down) == len(up) == len(skip):
            raise ValueError(
                f"down, up and skip must be equally long, got {len(down)}, {len(up)}, {len(skip)}"
            )
        self.scales = _Scale(spatial_dims, in_channels, list(zip(down, up, skip, strict=True)))
        self.last = _CONV[spatial_dims](up[0], out_channels, 1)
        self.sigmoid = sigmoid

    def forward(self, x: Tensor) -> Tensor:
        """Image (batch, out_channels, *spatial) of noise (batch, in_channels, *spatial), of any size."""
        h = self.last(self.scales(x))
        return torch.sigmoid(h) if self.sigmoid else h
