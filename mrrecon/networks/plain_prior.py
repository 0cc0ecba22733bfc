"""A deep image prior that leaves Python: the fit itself in plain torch, for TorchScript."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mrrecon.tensors import crop_to_shape

__all__ = ["PlainPrior", "decoder_weights", "skip_weights"]


class PlainPrior(nn.Module):
    """Image (batch, 1, *fine) of a worse one (batch, 1, x, y, z), each fitted by a network of its own.

    What ``solvers.deep_image_prior`` does, with the same random numbers, stop included. Voxels that are not
    finite are holes. Means over blocks of ``factor`` voxels of the image are what was seen.

    Args:
        weights: first weights of the network, from ``skip_weights`` or ``decoder_weights``.
        decoder: whether they are the decoder's.
        spatial_dims: 3: the volume is fitted; 2: each of its slices.
        axis: across which axis of space slices lie; -1: that with the fewest voxels, of equal ones the last.
        factor: fine voxels of a coarse one along each axis of space.
        iterations: the most steps; of images with holes, of images without.
        learning_rate: of Adam.
        noise_std: standard deviation of the noise added to the input at each step.
        held_out: share of the voxels kept from the fit.
        patience: steps without a new best on them after which the fit ends.
        averaging: weight of the past in the running mean.
        margin: part of the range of the network that is left free below and above the voxels seen.
        keep_observed: whether in an image with holes what was seen is put back as it was.
        seed: of the random numbers.
    """

    # TorchScript wants to know it here.
    weights: list[Tensor]
    factor: list[int]

    def __init__(
        self,
        weights: Sequence[Tensor],
        *,
        decoder: bool,
        spatial_dims: int,
        axis: int,
        factor: Sequence[int],
        iterations: tuple[int, int],
        learning_rate: float,
        noise_std: float,
        held_out: float,
        patience: int,
        averaging: float,
        margin: float,
        keep_observed: bool,
        seed: int,
    ) -> None:
        super().__init__()
        self.weights = [weight.detach().clone() for weight in weights]
        self.decoder = decoder
        # A scale of the skip network has 4 tensors of each of 5 convolutions and 2 of a norm; a block 5.
        self.n_levels = (len(self.weights) - 4) // 5 if decoder else (len(self.weights) - 2) // 22
        self.spatial_dims = spatial_dims
        self.axis = axis
        self.factor = [int(f) for f in factor]
        self.with_holes, self.without_holes = iterations
        self.learning_rate = learning_rate
        self.noise_std = noise_std
        self.held_out = held_out
        self.patience = patience
        self.averaging = averaging
        self.margin = margin
        self.keep_observed = keep_observed
        self.seed = seed

    def forward(self, image: Tensor) -> Tensor:
        """The image."""
        if image.dim() != 5:
            raise ValueError("image must have the axes batch, channel and three of space")
        axis = self.axis
        if axis < 0:
            axis = 2
            for other in (1, 0):
                if image.shape[2 + other] < image.shape[2 + axis]:
                    axis = other
        volumes: list[Tensor] = []
        for i in range(image.shape[0]):
            volume = image[i : i + 1]
            if self.spatial_dims == 3:
                volumes.append(self._image(volume, self.factor))
            else:
                if self.factor[axis] != 1:
                    raise ValueError("factor must be 1 across the slices")
                factor = self.factor[:axis] + self.factor[axis + 1 :]
                slices: list[Tensor] = []
                for k in range(volume.shape[2 + axis]):
                    slices.append(self._image(volume.select(2 + axis, k), factor))
                volumes.append(torch.stack(slices, 2 + axis))
        return torch.cat(volumes)

    def _image(self, y: Tensor, factor: list[int]) -> Tensor:
        """One slice or volume (1, 1, *fine)."""
        seen = torch.isfinite(y)
        if not bool(seen.any()):
            raise ValueError("there is a slice with no voxel that was seen: take spatial_dims=3")
        low, high = y[seen].min(), y[seen].max()
        shape = [n * f for n, f in zip(y.shape[2:], factor)]  # noqa: B905 - TorchScript has no strict
        if bool(low == high):
            return low.expand([1, 1] + shape)  # noqa: RUF005 - TorchScript cannot
        span = (high - low) / (1 - 2 * self.margin)
        scaled = torch.where(seen, (y - low) / span + self.margin, torch.zeros_like(y))
        was = torch.is_grad_enabled()
        x = self._fitted(scaled, seen.to(y.dtype), factor, shape)
        torch.set_grad_enabled(was)
        x = (x - self.margin) * span + low
        if self.keep_observed and not bool(seen.all()):
            x = torch.where(seen, y, x)
        return x

    def _fitted(self, y: Tensor, seen: Tensor, factor: list[int], shape: list[int]) -> Tensor:
        generator = torch.Generator(device=y.device)
        generator.manual_seed(self.seed)
        z = self._code(shape, y, generator)
        # The solver draws an image here, to see what its operator measures. TorchScript would leave out what
        # has no use.
        whole = [1, 1] + shape  # noqa: RUF005 - TorchScript cannot
        probe = torch.rand(whole, generator=generator, dtype=y.dtype, device=y.device)
        seen = seen * (probe.min() >= 0)
        fitted, kept = seen, seen
        if self.held_out > 0:
            chosen = torch.rand(y.shape, generator=generator, dtype=y.dtype, device=y.device) < self.held_out
            kept = seen * chosen
            fitted = seen - kept
            if not bool(kept.any()) or not bool(fitted.any()):
                raise ValueError("held_out leaves nothing to keep back or to fit: give 0 to keep none")
        weights = [weight.to(y.device, y.dtype) for weight in self.weights]
        firsts = [torch.zeros_like(weight) for weight in weights]
        seconds = [torch.zeros_like(weight) for weight in weights]
        iterations = self.without_holes if bool(seen.all()) else self.with_holes
        mean = torch.zeros_like(y)
        best = mean
        least, since = float("inf"), 0
        for step in range(iterations + 1):
            noise = torch.randn(z.shape, generator=generator, dtype=y.dtype, device=y.device)
            torch.set_grad_enabled(True)
            weights = [weight.detach().requires_grad_(True) for weight in weights]
            x = self._pass(z + self.noise_std * noise, weights, shape)
            loss = (fitted * (self._seen_of(x, factor) - y).square()).sum() / fitted.sum()
            gradients = torch.autograd.grad([loss], weights, allow_unused=True)
            torch.set_grad_enabled(False)
            past = min(self.averaging, step / (step + 10))
            mean = past * mean + (1 - past) * x.detach() if step > 0 else x.detach()
            error = float((kept * (self._seen_of(mean, factor) - y).square()).sum() / kept.sum())
            if error < least:
                least, best, since = error, mean, 0
            else:
                since += 1
            if (self.held_out > 0 and since >= self.patience) or step == iterations:
                break
            # Adam, with its usual constants.
            for i, weight in enumerate(weights):
                gradient = gradients[i]
                if gradient is not None:
                    firsts[i] = 0.9 * firsts[i] + 0.1 * gradient
                    seconds[i] = 0.999 * seconds[i] + 0.001 * gradient.square()
                    root = (seconds[i] / (1 - 0.999 ** (step + 1))).sqrt() + 1e-8
                    change = firsts[i] / (1 - 0.9 ** (step + 1)) / root
                    weights[i] = weight - self.learning_rate * change
        return best if self.held_out > 0 else mean

    def _code(self, shape: list[int], y: Tensor, generator: torch.Generator) -> Tensor:
        """What the network makes the image of."""
        if self.decoder:
            coarse = int(2 ** (self.n_levels - 1))
            size = [1, self.weights[0].shape[1]] + [-(-n // coarse) for n in shape]
            return torch.randn(size, generator=generator, dtype=y.dtype, device=y.device)
        size = [1, self.weights[0].shape[1]] + shape  # noqa: RUF005 - TorchScript cannot
        return 0.1 * torch.rand(size, generator=generator, dtype=y.dtype, device=y.device)

    def _seen_of(self, x: Tensor, factor: list[int]) -> Tensor:
        """Means over blocks."""
        return F.avg_pool2d(x, factor) if x.dim() == 4 else F.avg_pool3d(x, factor)

    def _pass(self, z: Tensor, weights: list[Tensor], shape: list[int]) -> Tensor:
        if self.decoder:
            return decoded(z, weights, self.n_levels, shape)
        return skipped(z, weights, self.n_levels)


def skipped(z: Tensor, weights: list[Tensor], n_scales: int) -> Tensor:
    """Image by the skip network with the given weights, with as many of its scales as the size allows."""
    longest = max(z.shape[2:])
    if longest < 3:
        raise ValueError("the image must have at least 3 voxels along one axis")
    while n_scales > 1 and int(2**n_scales) >= longest:
        n_scales -= 1
    skips: list[Tensor] = []
    h = z
    for i in range(n_scales):
        first = 22 * i
        skips.append(convolved(h, weights, first + 8, 1))
        h = convolved(convolved(h, weights, first, 2), weights, first + 4, 1)
    for j in range(n_scales):
        i = n_scales - 1 - j
        first = 22 * i
        mode = "bilinear" if z.dim() == 4 else "trilinear"
        h = F.interpolate(h, size=skips[i].shape[2:], mode=mode, align_corners=False)
        h = normalised(torch.cat([skips[i], h], 1), weights, first + 12)
        h = convolved(convolved(h, weights, first + 14, 1), weights, first + 18, 1)
    return torch.sigmoid(plain_convolution(h, weights, len(weights) - 2, 1, 0))


def convolved(x: Tensor, weights: list[Tensor], first: int, stride: int) -> Tensor:
    """Convolution of the mirrored image, batch normalisation, leaky ReLU."""
    frame = weights[first].shape[2] // 2
    if frame > 0:
        x = F.pad(x, [frame] * (2 * (x.dim() - 2)), "replicate" if min(x.shape[2:]) < 2 else "reflect")
    return F.leaky_relu(normalised(plain_convolution(x, weights, first, stride, 0), weights, first + 2), 0.2)


def normalised(x: Tensor, weights: list[Tensor], first: int) -> Tensor:
    """Batch normalisation."""
    return F.batch_norm(x, None, None, weights[first], weights[first + 1], True)


def plain_convolution(x: Tensor, weights: list[Tensor], first: int, stride: int, padding: int) -> Tensor:
    """Convolution with the weights and the bias that stand there."""
    n = x.dim() - 2
    return torch.convolution(
        x, weights[first], weights[first + 1], [stride] * n, [padding] * n, [1] * n, False, [0] * n, 1
    )


def decoded(z: Tensor, weights: list[Tensor], n_blocks: int, shape: list[int]) -> Tensor:
    """Image by the decoder with the given weights."""
    h = plain_convolution(z, weights, 0, 1, 0)
    n = h.dim() - 2
    for i in range(n_blocks):
        first = 2 + 5 * i
        if i > 0:
            h = F.interpolate(h, scale_factor=2.0, mode="nearest")
        around = torch.convolution(h, weights[first + 4], None, [1] * n, [0] * n, [1] * n, False, [0] * n, 1)
        h = F.relu(plain_convolution(h, weights, first, 1, 1))
        h = F.relu(plain_convolution(h, weights, first + 2, 1, 1) + around)
    return crop_to_shape(plain_convolution(h, weights, len(weights) - 2, 1, 0), shape)


def skip_weights(network: Any, n_scales: int) -> list[Tensor]:
    """Weights of a ``SkipNetwork``, scale by scale, in the order in which ``PlainPrior`` wants them.

    Args:
        network: the network, with skips at every scale.
        n_scales: its scales.

    Example:
        >>> from mrrecon.networks import SkipNetwork
        >>> len(skip_weights(SkipNetwork(2, 2, 1, down=[4], up=[4], skip=[2]), 1))
        24
    """
    found: list[Tensor] = []
    scale = network.scales
    for _ in range(n_scales):
        for part in (*scale.down, scale.skip):
            found += [*part.conv.parameters(), *part.norm.parameters()]
        found += scale.norm.parameters()
        for part in scale.up:
            found += [*part.conv.parameters(), *part.norm.parameters()]
        scale = scale.below
    return [*found, *network.last.parameters()]


def decoder_weights(bottleneck: Any, decoder: Any) -> list[Tensor]:
    """Weights of the decoder of a ``SparseVAE``, in the order in which ``PlainPrior`` wants them.

    Args:
        bottleneck: what makes features of a code.
        decoder: what makes an image of features.

    Example:
        >>> from mrrecon.networks import SparseVAE
        >>> network = SparseVAE(2, channels=[4, 4])
        >>> len(decoder_weights(network.bottleneck, network.decoder))
        14
    """
    found = [*bottleneck.from_code.parameters()]
    for block in decoder.blocks:
        found += [*block.conv1.parameters(), *block.conv2.parameters(), *block.skip.parameters()]
    return [*found, *decoder.last.parameters()]
