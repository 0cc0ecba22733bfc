"""Vector quantiser whose codebook follows the data by an exponential moving average."""

import math

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn


def nearest_code(features: Tensor, codebook: Tensor, chunk: int = 2048) -> Tensor:
    r"""Index of the nearest code of each feature vector, $\arg\min_k \|z - e_k\|_2$.

    The squared norms are compared in float64: in float32 about one vector in 100,000 ties wrongly, and a code
    that depends on rounding is no code. Rows are taken a chunk at a time, so that the matrix of distances
    never exists as a whole.

    Args:
        features: (n, code_channels).
        codebook: (n_codes, code_channels).
        chunk: feature vectors compared at a time.

    Returns:
        Indices, int64, (n,).

    Example:
        >>> nearest_code(torch.tensor([[0.9], [-2.0]]), torch.tensor([[-1.0], [1.0]]))
        tensor([1, 0])
    """
    weight = codebook.double().t() * -2.0
    bias = codebook.double().square().sum(1)
    indices = torch.empty(features.shape[0], dtype=torch.long, device=features.device)
    for start in range(0, features.shape[0], chunk):
        part = features[start : start + chunk].double()
        indices[start : start + chunk] = torch.addmm(bias, part, weight).argmin(1)
    return indices


class EMAVectorQuantizer(nn.Module):
    r"""Codebook of ``n_codes`` vectors; each feature vector is replaced by the nearest one.

    The codebook is the zero-debiased moving average of the vectors that chose each code (eq. 5 of the paper):

    $$ N_k \leftarrow \gamma N_k + (1 - \gamma) n_k, \quad
       m_k \leftarrow \gamma m_k + (1 - \gamma) \sum_{j \in k} z_j, \quad e_k = m_k / N_k $$

    It starts from the mean and covariance of the first batch. A code that nobody chooses any more is revived:
    the code with the largest quantisation error is split along its spread and gives the dead one half of its
    vectors. Both depend on sums alone, not on the order of the batch nor on random numbers, so that several
    processes with parts of a batch hold the codebook of one process with the whole.

    Args:
        n_codes: K, number of codes.
        code_channels: D, channels of a code.
        decay: gamma, of the moving averages.
        commitment: beta, weight of the commitment loss (eq. 4). 0.25 is the value of the implementation that
            the paper cites, 7 that of its author's later port.
        dead_below: a code is dead when its moving count is below this fraction of the mean count.
        epsilon: a code whose debiased count, in vectors, is no greater stays where it is.

    Shapes:
        (batch, code_channels, depth, height, width) -> the same.

    Example:
        >>> quantizer = EMAVectorQuantizer(16, 2).eval()
        >>> quantizer.encode(torch.zeros(1, 2, 4, 4, 4)).shape
        torch.Size([1, 4, 4, 4])

    Reference:
        Razavi, van den Oord, Vinyals. Generating diverse high-fidelity images with VQ-VAE-2. NeurIPS 2019.
        https://doi.org/10.48550/arXiv.1906.00446
    """

    codebook: Tensor
    initialised: Tensor
    n_updates: Tensor
    ema_count: Tensor
    ema_sum: Tensor
    ema_square: Tensor

    def __init__(
        self,
        n_codes: int,
        code_channels: int,
        *,
        decay: float = 0.99,
        commitment: float = 0.25,
        dead_below: float = 0.02,
        epsilon: float = 1e-5,
    ) -> None:
        super().__init__()
        if n_codes < 2 or code_channels < 1:
            raise ValueError(f"n_codes={n_codes} must be 2 or more, code_channels={code_channels} 1 or more")
        if not 0 <= decay < 1:
            raise ValueError(f"decay={decay} must lie in [0, 1)")
        self.n_codes = n_codes
        self.code_channels = code_channels
        self.decay = decay
        self.commitment = commitment
        self.dead_below = dead_below
        self.epsilon = epsilon
        draws = torch.randn(n_codes, code_channels, generator=torch.Generator().manual_seed(0))
        self.register_buffer("codebook", draws)
        self.register_buffer("initialised", torch.zeros((), dtype=torch.bool))
        self.register_buffer("n_updates", torch.zeros((), dtype=torch.long))
        self.register_buffer("ema_count", torch.zeros(n_codes))
        self.register_buffer("ema_sum", torch.zeros(n_codes, code_channels))
        self.register_buffer("ema_square", torch.zeros(n_codes, code_channels))

    def encode(self, z: Tensor) -> Tensor:
        """Index of the nearest code at each site: (batch, code_channels, ...) -> int64 (batch, ...)."""
        if not torch.jit.is_scripting() and torch.compiler.is_compiling():
            # A graph of any size has no loop over chunks, nor a flattening (it asks for more than one site).
            codebook = self.codebook.double()
            distance = torch.einsum("bcdhw,kc->bkdhw", z.double(), -2.0 * codebook)
            return (distance + codebook.square().sum(1)[:, None, None, None]).argmin(1)
        features = z.movedim(1, -1)
        flat = features.reshape(-1, self.code_channels)
        return nearest_code(flat, self.codebook).view(features.shape[:-1])

    def decode(self, indices: Tensor) -> Tensor:
        """The codes at the indices: int (batch, ...) -> float (batch, code_channels, ...)."""
        return F.embedding(indices, self.codebook).movedim(-1, 1)

    def forward(self, z: Tensor) -> Tensor:
        """Quantised features; in training with the gradient of the identity (straight through)."""
        if torch.jit.is_scripting() or not self.training:
            return self.decode(self.encode(z))
        return self.quantise(z)[0]

    @torch.jit.unused
    def quantise(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Quantised features with straight-through gradient, commitment loss, and indices.

        In training mode the codebook is updated after it was used.
        """
        with torch.no_grad():
            if self.training and not self.initialised:
                self._start_from(z.detach().to(self.codebook.dtype))
            indices = self.encode(z.detach().to(self.codebook.dtype))
            quantised = self.decode(indices)
            if self.training:
                self._update(z.detach().to(self.codebook.dtype), indices)
        commitment = self.commitment * F.mse_loss(z.to(quantised.dtype), quantised)
        return z + (quantised - z).detach(), commitment, indices

    def _start_from(self, z: Tensor) -> None:
        flat = z.movedim(1, -1).reshape(-1, self.code_channels).double()
        ones = flat.new_ones(1)
        n, total, product = _sum_over_processes(len(flat) * ones, flat.sum(0), flat.t() @ flat)
        mean = total / n
        covariance = product / n - torch.outer(mean, mean)
        # Features of an untrained network may span fewer dimensions than a code has.
        values, vectors = torch.linalg.eigh(covariance)
        root = vectors * values.clamp_min(0).sqrt()
        draws = torch.randn(self.n_codes, self.code_channels, generator=torch.Generator().manual_seed(0))
        self.codebook.copy_(mean + draws.to(root) @ root.t())
        self.initialised.fill_(True)

    def _update(self, z: Tensor, indices: Tensor) -> None:
        flat = z.movedim(1, -1).reshape(-1, self.code_channels)
        index = indices.reshape(-1)
        count = torch.bincount(index, minlength=self.n_codes).to(flat.dtype)
        total = torch.zeros_like(self.ema_sum).index_add_(0, index, flat)
        square = torch.zeros_like(self.ema_square).index_add_(0, index, flat.square())
        count, total, square = _sum_over_processes(count, total, square)
        self.n_updates += 1
        self.ema_count.lerp_(count, 1 - self.decay)
        self.ema_sum.lerp_(total, 1 - self.decay)
        self.ema_square.lerp_(square, 1 - self.decay)
        self._revive()
        debias = 1 - self.decay ** int(self.n_updates)
        # Count and sum have one bias, which cancels; no smoothing: it would pull rare codes to the origin.
        chosen = self.ema_count > self.epsilon * debias
        means = self.ema_sum / self.ema_count.clamp_min(1e-30)[:, None]
        self.codebook.copy_(torch.where(chosen[:, None], means, self.codebook))

    def _revive(self) -> None:
        mean_count = self.ema_count.mean()
        dead = torch.nonzero(self.ema_count < self.dead_below * mean_count).flatten()
        if not len(dead):
            return
        mean = self.ema_sum / self.ema_count.clamp_min(1e-12)[:, None]
        square = self.ema_square / self.ema_count.clamp_min(1e-12)[:, None]
        variance = square - mean.square()
        # What cancellation leaves is no spread: a code of equal vectors would be split into equal codes.
        variance = variance.masked_fill(variance < 1e-6 * square, 0)
        error = (variance.sum(1) * self.ema_count).masked_fill(
            self.ema_count < 2 * self.dead_below * mean_count, 0
        )
        costly = torch.argsort(error, descending=True, stable=True)[: len(dead)]
        costly = costly[error[costly] > 0]
        dead = dead[: len(costly)]
        step = 0.5 * variance[costly].sqrt()
        half = 0.5 * self.ema_count[costly]
        # Both halves keep the spread that is left around their new centres.
        spread = 0.75 * variance[costly]
        for where, centre in ((costly, mean[costly] - step), (dead, mean[costly] + step)):
            self.ema_count[where] = half
            self.ema_sum[where] = half[:, None] * centre
            self.ema_square[where] = half[:, None] * (centre.square() + spread)
            self.codebook[where] = centre

    def perplexity(self) -> float:
        """Exponential of the entropy of the moving counts: how many codes are in use, 1 to ``n_codes``."""
        return perplexity(self.ema_count)


def perplexity(counts: Tensor) -> float:
    """Exponential of the entropy (nats) of counts, (n_codes,); 1 when nothing was counted.

    Example:
        >>> round(perplexity(torch.tensor([5, 5, 0, 0])), 6)
        2.0
    """
    total = float(counts.sum())
    if total <= 0:
        return 1.0
    p = counts.double() / total
    return math.exp(float(-torch.xlogy(p, p).sum()))


def _sum_over_processes(*statistics: Tensor) -> tuple[Tensor, ...]:
    if dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1:
        flat = torch.cat([statistic.flatten() for statistic in statistics])
        dist.all_reduce(flat)
        parts = flat.split([statistic.numel() for statistic in statistics])
        return tuple(part.view_as(statistic) for part, statistic in zip(parts, statistics, strict=True))
    return statistics
