"""Layers of an image computed a few planes at a time, so that what lies between them stays in the cache.

What one layer gives the next is, at full resolution, larger than the image many times over. Computed chunk
by chunk along the depth it takes a small buffer that is used again, in place of fresh memory for each layer.
Nothing is computed twice: each layer keeps the planes that its kernel will want once more.
"""

from collections.abc import Iterator

import torch
from torch import Tensor


def chunks(depth: int, size: int) -> Iterator[tuple[int, int]]:
    """Starts and ends of chunks of planes; the last one may be larger by half a chunk, or smaller.

    Example:
        >>> list(chunks(10, 4)), list(chunks(9, 4)), list(chunks(3, 4))
        ([(0, 4), (4, 8), (8, 10)], [(0, 4), (4, 9)], [(0, 3)])
    """
    start = 0
    while start < depth:
        end = start + size if depth - start - size >= -(-size // 2) else depth
        yield start, end
        start = end


class Planes:
    """The planes that came last, joined with those that come next: the input of a layer with kernel 3.

    A plane of zeros comes before the first one and after the last.

    Args:
        stride: of the layer along the depth.

    Example:
        >>> planes, x = Planes(), torch.arange(1.0, 5.0).reshape(1, 1, 4, 1, 1)
        >>> planes.join(x[:, :, :2], 0, last=False).flatten().tolist()
        [0.0, 1.0, 2.0]
        >>> planes.join(x[:, :, 2:], 10, last=True).flatten().tolist()
        [1.0, 2.0, 13.0, 14.0, 0.0]
    """

    def __init__(self, *, stride: int = 1) -> None:
        self.stride = stride
        self._buffer = torch.empty(0)
        self._start = 0
        self._end = 0

    def join(self, x: Tensor, scalar: Tensor | float, *, last: bool) -> Tensor:
        """The planes kept and the new ones, to which a scalar is added: a view, good until the next call.

        Args:
            x: (batch, channels, planes, height, width).
            scalar: what is added, of one element or one a channel; the zeros outside do not get it.
            last: whether no plane follows.
        """
        start = self._begin(x)
        end = start + x.shape[2]
        torch.add(x, scalar, out=self._buffer[:, :, start:end])
        if last:
            self._buffer[:, :, end].zero_()
            end += 1
        n_out = max(0, (end - 3) // self.stride + 1)
        self._start, self._end = n_out * self.stride, end
        return self._buffer[:, :, :end]

    def _begin(self, x: Tensor) -> int:
        b, c, n, h, w = x.shape
        first = not self._buffer.numel()
        kept = torch.zeros_like(x[:, :, :1]) if first else self._buffer[:, :, self._start : self._end].clone()
        start = kept.shape[2]
        if first or self._buffer.shape[2] < start + n + 1:
            self._buffer = x.new_empty(b, start + n + 4, h, w, c).permute(0, 4, 1, 2, 3)
        self._buffer[:, :, :start] = kept
        return start
