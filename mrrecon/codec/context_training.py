"""Training of a context model: in float32, with all numbers rounded as the integers will be."""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mrrecon.codec.context_model import VERSION
from mrrecon.codec.integer_network import ACTIVATION_BITS, LOGIT_BITS, MAX_ACTIVATION, WEIGHT_BITS
from mrrecon.codec.lattice import BLOCK, N_PASSES, REACH, known_offsets, pass_positions

__all__ = ["Blocks", "TrainableContext", "train_context_model"]

Fields = Sequence[np.ndarray]


def train_context_model(
    scans: Sequence[Fields],
    *,
    n_codes: int,
    weights: str,
    n_steps: int = 3000,
    n_blocks: int = 128,
    seed: int = 0,
    on_step: Callable[[int, int, float], None] | None = None,
) -> dict[str, Any]:
    """State of a ``ContextModel`` trained on the fields of scans.

    The finest level has ``n_steps`` steps, the others, of which a scan has few sites, a third of them each.

    Args:
        scans: of each its fields, integers, finest first.
        n_codes: of the VQ-VAE.
        weights: identity of the VQ-VAE's weights.
        n_steps: of Adam.
        n_blocks: blocks of 64 sites that a step sees.
        seed: of the first weights and of the draws.
        on_step: is told level, step and bits an index, from time to time.

    Example:
        >>> fields = [np.zeros((4, 4, 4), int), np.zeros((1, 1, 1), int)]
        >>> state = train_context_model([fields], n_codes=2, weights="none", n_steps=3, n_blocks=1)
        >>> len(state["levels"])
        2
    """
    levels = []
    for level in range(len(scans[0])):
        fields = [scan[level] for scan in scans]
        parents = [scan[level + 1] if level + 1 < len(scan) else None for scan in scans]
        blocks = Blocks(fields, parents, n_codes)
        generator = torch.Generator().manual_seed(seed + level)
        sizes = {} if level == 0 else {"n_neighbours": 8, "n_prior": 32, "n_hidden": 32}
        network = TrainableContext(n_codes, generator=generator, **sizes)
        steps = n_steps if level == 0 else max(1, n_steps // 3)
        for step, bits in _trained(network, blocks, steps, n_blocks, generator):
            if on_step is not None:
                on_step(level, step, bits)
        levels.append(network.integers())
    return {"version": VERSION, "weights": weights, "levels": levels}


class TrainableContext(nn.Module):
    """``LevelContext`` in float32, with straight-through gradients through its roundings.

    Args:
        n_codes: K.
        n_neighbours: decoded neighbours of a site that its distribution looks at.
        code_channels: E.
        prior_channels: C.
        n_prior: U, hidden units of the network of a block.
        n_hidden: H, hidden units of the network of a site.
        generator: of the first weights.
    """

    def __init__(
        self,
        n_codes: int,
        *,
        n_neighbours: int = 16,
        code_channels: int = 8,
        prior_channels: int = 12,
        n_prior: int = 64,
        n_hidden: int = 64,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()

        def normal(n_in: int, n_out: int, gain: float = 1.0) -> nn.Parameter:
            return nn.Parameter(torch.randn(n_in, n_out, generator=generator) * gain / math.sqrt(n_in))

        self.n_codes = n_codes
        self.n_neighbours = n_neighbours
        self.offsets = [known_offsets(number, n_neighbours) for number in range(N_PASSES)]
        self.sizes = [len(steps) * code_channels + prior_channels for steps in self.offsets]
        self.prior_channels = prior_channels
        self.codes = normal(n_codes + 1, code_channels, 0.5 * math.sqrt(n_codes + 1))
        self.parents = normal(n_codes + 1, prior_channels, 0.5 * math.sqrt(n_codes + 1))
        self.prior1 = normal(27 * prior_channels, n_prior)
        self.prior1_bias = nn.Parameter(torch.zeros(1, n_prior))
        self.prior2 = normal(n_prior, BLOCK**3 * prior_channels)
        self.prior2_bias = nn.Parameter(torch.zeros(1, BLOCK**3 * prior_channels))
        self.hidden1 = nn.ParameterList([normal(size, n_hidden) for size in self.sizes])
        self.hidden1_bias = nn.Parameter(torch.zeros(N_PASSES, n_hidden))
        self.hidden2 = normal(n_hidden, n_hidden)
        self.hidden2_bias = nn.Parameter(torch.zeros(N_PASSES, n_hidden))
        self.logits = normal(n_hidden, n_codes, 0.1)
        self.logits_bias = nn.Parameter(torch.zeros(N_PASSES, n_codes))

    def forward(
        self, around: Tensor, canvas: Tensor, base: Tensor, strides: Sequence[int]
    ) -> tuple[Tensor, Tensor]:
        """Logits in bits of all sites of some blocks, and the codes there.

        Args:
            around: codes of the coarser sites, int64 (n, 27).
            canvas: codes of the fields, flat, with margins.
            base: of each block its first site in the canvas, (n,).
            strides: of the canvas's three axes.
        """
        x = F.embedding(around, _rounded(self.parents, ACTIVATION_BITS)).flatten(1)
        x = _activation(x @ _rounded(self.prior1, WEIGHT_BITS) + self.prior1_bias)
        x = _activation(x @ _rounded(self.prior2, WEIGHT_BITS) + self.prior2_bias)
        prior = x.view(-1, BLOCK, BLOCK, BLOCK, self.prior_channels)
        embedding = _rounded(self.codes, ACTIVATION_BITS)
        hidden, codes, numbers = [], [], []
        for number, weight in enumerate(self.hidden1):
            z, y, x = torch.tensor(pass_positions(number)).t()
            sites = (base[:, None] + z * strides[0] + y * strides[1] + x * strides[2]).flatten()
            inputs = [prior[:, z, y, x].flatten(0, 1)]
            if self.offsets[number]:
                steps = torch.tensor(self.offsets[number]) @ torch.tensor(strides)
                inputs.insert(0, F.embedding(canvas[sites[:, None] + steps], embedding).flatten(1))
            hidden.append(torch.cat(inputs, 1) @ _rounded(weight, WEIGHT_BITS) + self.hidden1_bias[number])
            codes.append(canvas[sites])
            numbers.append(torch.full_like(sites, number))
        which = torch.cat(numbers)
        x = _activation(torch.cat(hidden))
        x = _activation(x @ _rounded(self.hidden2, WEIGHT_BITS) + self.hidden2_bias[which])
        sums = x @ _rounded(self.logits, WEIGHT_BITS) + self.logits_bias[which]
        return sums * 2.0 ** (ACTIVATION_BITS + WEIGHT_BITS - LOGIT_BITS), torch.cat(codes)

    @torch.no_grad()
    def integers(self) -> dict[str, Any]:
        """State of the ``LevelContext`` that computes the same with integers."""
        state: dict[str, Any] = {"n_neighbours": self.n_neighbours}
        for name in ("codes", "parents", "prior1", "prior2", "hidden1", "hidden2", "logits"):
            value = getattr(self, name)
            value = torch.cat(list(value)) if name == "hidden1" else value
            bits = ACTIVATION_BITS if name in ("codes", "parents") else WEIGHT_BITS
            state[name] = (_rounded(value, bits) * 2**bits).round().to(torch.int8)
        for name in ("prior1", "prior2", "hidden1", "hidden2", "logits"):
            bias = getattr(self, f"{name}_bias") * 2 ** (ACTIVATION_BITS + WEIGHT_BITS)
            state[f"{name}_bias"] = bias.round().to(torch.int32)
        return state


class Blocks:
    """Fields of all scans on one canvas, and the blocks of 4 x 4 x 4 sites in them."""

    def __init__(self, fields: Fields, parents: Sequence[np.ndarray | None], n_codes: int) -> None:
        sides = [[-(-side // BLOCK) for side in field.shape] for field in fields]
        largest = [max(side) for side in zip(*sides, strict=True)]
        canvas = np.full((len(fields), *(BLOCK * side + 2 * REACH for side in largest)), n_codes, np.int16)
        coarse = np.full((len(fields), *(side + 2 for side in largest)), n_codes, np.int16)
        for number, (field, parent) in enumerate(zip(fields, parents, strict=True)):
            canvas[number][tuple(slice(REACH, REACH + side) for side in field.shape)] = field
            if parent is not None:
                known = parent[tuple(slice(side) for side in sides[number])]
                coarse[number][tuple(slice(1, 1 + side) for side in known.shape)] = known
        self.canvas = torch.from_numpy(canvas)
        self.coarse = torch.from_numpy(coarse)
        self.strides = self.canvas.stride()[1:]
        places = [
            (number, *block)
            for number, side in enumerate(sides)
            for block in itertools.product(*(range(n) for n in side))
        ]
        self.places = torch.tensor(places)
        number, z, y, x = self.places.t()
        first = [BLOCK * axis + REACH for axis in (z, y, x)]
        self.base = number * self.canvas.stride(0) + sum(
            axis * stride for axis, stride in zip(first, self.strides, strict=True)
        )
        inside = torch.tensor(list(itertools.product(range(BLOCK), repeat=3))) @ torch.tensor(self.strides)
        flat = self.canvas.flatten()
        low, high = (torch.empty(len(places), dtype=torch.int16) for _ in range(2))
        for rows in torch.arange(len(places)).split(4096):
            codes = flat[self.base[rows][:, None] + inside]
            low[rows], high[rows] = codes.amin(1), codes.amax(1)
        self.quiet = torch.nonzero(low == high).flatten()
        self.busy = torch.nonzero(low != high).flatten()

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """Rows of some blocks: one in sixteen of one code throughout, such as the background."""
        n_quiet = n // 16 if len(self.busy) else n
        parts = []
        for rows, count in ((self.quiet, n_quiet), (self.busy, n - n_quiet)):
            if len(rows):
                parts.append(rows[torch.randint(len(rows), (count,), generator=generator)])
        return torch.cat(parts)

    def around(self, rows: Tensor) -> Tensor:
        """Codes of the 27 coarser sites around blocks."""
        number, z, y, x = self.places[rows].t()
        steps = torch.tensor(list(itertools.product(range(3), repeat=3)))
        a, b, c = (axis[:, None] + step for axis, step in zip((z, y, x), steps.t(), strict=True))
        return self.coarse[number[:, None], a, b, c].long()


def _trained(
    network: TrainableContext, blocks: Blocks, n_steps: int, n_blocks: int, generator: torch.Generator
) -> Iterator[tuple[int, float]]:
    """Train; now and then the number of steps done, and the moving mean of bits an index."""
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, betas=(0.9, 0.99))
    canvas = blocks.canvas.flatten().long()
    mean = 0.0
    for step in range(n_steps):
        for group in optimizer.param_groups:
            group["lr"] = 4e-3 * min(1.0, (step + 1) / 50) * (0.5 + 0.5 * math.cos(math.pi * step / n_steps))
        rows = blocks.draw(n_blocks, generator)
        logits, codes = network(blocks.around(rows), canvas, blocks.base[rows], blocks.strides)
        there = codes < network.n_codes  # the last block may stand out of the field
        loss = F.cross_entropy(logits[there] * math.log(2), codes[there]) / math.log(2)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        mean = loss.item() if step == 0 else 0.98 * mean + 0.02 * loss.item()
        if step % 100 == 99 or step == n_steps - 1:
            yield step + 1, mean


def _rounded(x: Tensor, bits: int) -> Tensor:
    """Nearest multiple of 2^-bits that 8 bits hold, with the gradient of the clipping alone."""
    scaled = (x * 2.0**bits).clamp(-MAX_ACTIVATION, MAX_ACTIVATION)
    return (scaled + (scaled.round() - scaled).detach()) * 2.0**-bits


def _activation(x: Tensor) -> Tensor:
    scaled = (x * 2.0**ACTIVATION_BITS).clamp(0, MAX_ACTIVATION)
    return (scaled + (scaled.round() - scaled).detach()) * 2.0**-ACTIVATION_BITS
