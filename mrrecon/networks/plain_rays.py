"""Line integrals of an image in plain torch, for TorchScript."""

import math

import torch
from torch import Tensor, nn

__all__ = ["PlainRays"]


class PlainRays(nn.Module):
    """Integrals along parallel rays or a fan of rays, by Joseph's method; the image is interpolated linearly.

    A sinogram (batch, 1, views, detectors) comes in, images (batch, 1, n, n) with n detectors go with it. The
    views are spread evenly over an arc; their axes are those of ``mrrecon.operators.Radon`` and ``FanBeam``.

    Args:
        arc: degrees over which the views are spread: 180 or 360, of a fan 360.
        detector_spacing: distance of the detectors, mm.
        detector_offset: where their middle stands, mm.
        source_distance: from the axis to the source, mm; 0: the rays are parallel.
        detector_distance: from the axis to the detector, mm.

    Raises:
        ValueError: a distance or the arc is out of its range.

    Example:
        >>> PlainRays().split(torch.ones(1, 1, 4, 8))[1][0].shape
        torch.Size([4, 8])
    """

    def __init__(
        self,
        *,
        arc: float = 180.0,
        detector_spacing: float = 1.0,
        detector_offset: float = 0.0,
        source_distance: float = 0.0,
        detector_distance: float = 0.0,
    ) -> None:
        super().__init__()
        if detector_spacing <= 0 or source_distance < 0 or detector_distance < 0:
            raise ValueError(
                f"detector_spacing={detector_spacing} must be positive, source_distance={source_distance} "
                f"and detector_distance={detector_distance} not negative"
            )
        if abs(arc) != 360 and (abs(arc) != 180 or source_distance > 0):
            raise ValueError(f"arc={arc} must be 180 or 360 degrees, of a fan 360")
        self.arc = math.radians(arc)
        self.detector_spacing = float(detector_spacing)
        self.detector_offset = float(detector_offset)
        self.source_distance = float(source_distance)
        self.detector_distance = float(detector_distance)
        magnification = (source_distance + detector_distance) / source_distance if source_distance else 1.0
        self.pixel = float(detector_spacing / magnification)

    def split(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The sinogram; angle and distance from the middle of each ray, (views, detectors).

        Raises:
            ValueError: the sinogram has not one channel and two axes.
        """
        if image.dim() != 4 or image.shape[1] != 1:
            raise ValueError("a sinogram must have the axes batch, one channel, views and detectors")
        n_views, n_detectors = image.shape[2], image.shape[3]
        views = torch.arange(n_views, dtype=torch.float64, device=image.device) * (self.arc / n_views)
        places = self._places(n_detectors, image)
        angles = views.unsqueeze(1).expand(n_views, n_detectors)
        if self.source_distance > 0:
            fan = torch.atan(places / (self.source_distance + self.detector_distance))
            return image, [angles - fan, (self.source_distance * torch.sin(fan)).expand_as(angles)]
        return image, [angles, places.expand_as(angles)]

    def start(self, y: Tensor, constants: list[Tensor]) -> Tensor:
        """Filtered back-projection with the ramp filter, in the circle that every view sees."""
        n_views, n = y.shape[2], y.shape[3]
        whole = self.source_distance + self.detector_distance
        fan = self.source_distance > 0
        places = self._places(n, y)
        step = self.detector_spacing
        # Half around, or once around and every line twice: each view counts alike.
        share = torch.full_like(places, math.pi / n_views)
        if fan:
            step = self.detector_spacing * self.source_distance / whole
            share = share * torch.cos(torch.atan(places / whole))
        lag = torch.arange(2 * n, device=y.device)
        lag = torch.minimum(lag, 2 * n - lag)
        kernel = torch.where(lag % 2 == 1, -1 / (math.pi * lag.clamp_min(1).double() * step).square(), 0.0)
        kernel[0] = 1 / (4 * step * step)
        response = (torch.fft.rfft(kernel).real * step).to(y.dtype)
        views = torch.fft.irfft(torch.fft.rfft(y[:, 0] * share.to(y.dtype), n=2 * n) * response, n=2 * n)
        views = nn.functional.pad(views[:, :, :n], [1, 1])
        grid = (torch.arange(n, dtype=torch.float64, device=y.device) - (n - 1) / 2) * self.pixel
        right, up = grid.unsqueeze(0), -grid.unsqueeze(1)
        x = torch.zeros(y.shape[0], n, n, dtype=y.dtype, device=y.device)
        for view in range(n_views):
            angle = view * self.arc / n_views
            s = right * math.cos(angle) + up * math.sin(angle)
            weight = torch.ones_like(s)
            if fan:
                depth = self.source_distance + up * math.cos(angle) - right * math.sin(angle)
                s, weight = whole * s / depth, (self.source_distance / depth).square()
            place = ((s - places[0]) / self.detector_spacing + 1).clamp(0, n + 1 - 1e-6)
            left = place.long()
            far = ((place - left) * weight).to(y.dtype)
            near = weight.to(y.dtype) - far
            flat = left.flatten()
            before = views[:, view].index_select(1, flat).reshape(x.shape)
            after = views[:, view].index_select(1, flat + 1).reshape(x.shape)
            x = x + before * near + after * far
        distances = constants[1][0]
        seen = torch.minimum(-distances.min(), distances.max()) + self.detector_spacing
        radius = seen.clamp_min(n * self.pixel / 2)
        inside = right.square() + up.square() <= radius.square()
        return (x * inside.to(y.dtype)).unsqueeze(1)

    def _places(self, n: int, like: Tensor) -> Tensor:
        """Where the detectors stand, mm."""
        places = torch.arange(n, dtype=torch.float64, device=like.device) - (n - 1) / 2
        return places * self.detector_spacing + self.detector_offset

    def adjoint(self, y: Tensor, constants: list[Tensor]) -> Tensor:
        """Back-projection, unfiltered."""
        n_views, n = y.shape[2], y.shape[3]
        flat = torch.zeros(y.shape[0], 2 * n * (n + 2) + 2, dtype=y.dtype, device=y.device)
        for view in range(n_views):
            index, share, length = self._rays(constants[0][view], constants[1][view], n, y)
            values = (y[:, 0, view, :] * length).unsqueeze(-1)
            count = [y.shape[0], index.numel()]
            left = (values * (1 - share)).reshape(count)
            right = (values * share).reshape(count)
            flat = flat.index_add(1, index.flatten(), left).index_add(1, index.flatten() + 1, right)
        size = n * (n + 2)
        upright = flat[:, :size].reshape(y.shape[0], n, n + 2)[:, :, 1 : n + 1]
        turned = flat[:, size : 2 * size].reshape(y.shape[0], n, n + 2)[:, :, 1 : n + 1]
        return (upright + turned.transpose(1, 2)).unsqueeze(1)

    def project(self, x: Tensor, constants: list[Tensor]) -> Tensor:
        """Sinogram of images."""
        n_views, n = constants[0].shape[0], x.shape[3]
        upright = nn.functional.pad(x[:, 0], [1, 1]).flatten(1)
        turned = nn.functional.pad(x[:, 0].transpose(1, 2), [1, 1]).flatten(1)
        flat = nn.functional.pad(torch.cat([upright, turned], 1), [0, 2])
        lines: list[Tensor] = []
        for view in range(n_views):
            index, share, length = self._rays(constants[0][view], constants[1][view], n, x)
            shape = [x.shape[0], index.shape[0], index.shape[1]]
            left = flat.index_select(1, index.flatten()).reshape(shape)
            right = flat.index_select(1, index.flatten() + 1).reshape(shape)
            lines.append((left + share * (right - left)).sum(2) * length)
        return torch.stack(lines, 1).unsqueeze(1)

    def gram(self, x: Tensor, constants: list[Tensor]) -> Tensor:
        """Projected and projected back."""
        return self.adjoint(self.project(x, constants), constants)

    def bound(self, constants: list[Tensor], x: Tensor) -> Tensor:
        """Greatest sum of a row of A^H A, which its norm does not exceed: no weight is negative."""
        return self.gram(torch.ones_like(x[:1]), constants).amax().reshape([1] * x.dim())

    def finish(self, x: Tensor, y: Tensor, constants: list[Tensor]) -> Tensor:  # noqa: ARG002
        """The image as it is."""
        return x

    def _rays(self, angle: Tensor, place: Tensor, n: int, like: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Where rays meet lines of pixels: index of the pixel before, share of the next; length of a step.

        Rays that run along the columns meet the rows of the image; others meet the rows of its transpose,
        which stands behind it. A line has a zero at both its ends.
        """
        middle = (n - 1) / 2
        lines = (torch.arange(n, dtype=torch.float64, device=like.device) - middle) * self.pixel
        cos, sin = torch.cos(angle).unsqueeze(1), torch.sin(angle).unsqueeze(1)
        along = cos.abs() >= sin.abs()
        steep = torch.where(along, cos, sin)
        # Rows lie from top to bottom, against the second axis: y = -lines.
        across = (
            torch.where(along, place.unsqueeze(1) + lines * sin, lines * cos - place.unsqueeze(1)) / steep
        )
        position = (across / self.pixel + middle).clamp(-1, n)
        before = position.floor()
        first = torch.where(along, torch.zeros_like(before), torch.full_like(before, n * (n + 2)))
        row = torch.arange(n, device=like.device) * (n + 2)
        index = (first + before + 1).long() + row
        length = self.pixel / steep.abs().squeeze(1)
        return index, (position - before).to(like.dtype), length.to(like.dtype)
