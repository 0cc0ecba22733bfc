"""Learned probabilities of indices, from the next coarser field and the neighbours coded before."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, Int64, Shaped
from threadpoolctl import threadpool_limits
from torch import Tensor

from mrrecon.codec.identity import weights_identity
from mrrecon.codec.integer_network import LOGIT_BITS, LOGIT_STEPS, IntegerLayer, frequencies
from mrrecon.codec.lattice import BLOCK, N_PASSES, REACH, known_offsets, sites_of_pass
from mrrecon.codec.symbol_coder import SymbolCoder, SymbolDecoder, SymbolEncoder

__all__ = ["ContextModel", "LevelContext"]

VERSION = 1
_CHUNK = 16384  # sites whose distributions exist at a time
_ROWS = 256  # of them computed at a time, so that they stay in the cache

Shape = tuple[int, int, int]


class LevelContext:
    """Network of one level: distributions of the sites of a pass.

    The codes of the 27 coarser sites around a block of 4 x 4 x 4 sites give 64 vectors, one for each site of
    the block. This vector and the neighbours that an earlier pass has coded give the distribution of a site.
    A site outside the field has the code ``n_codes``.

    Args:
        state: tensors by name, embeddings and weights int8, biases int32, ``n_neighbours`` a plain number.
            With E channels of a code, C of a coarser code and of a block's vectors, U and H hidden units,
            K_p = len(known_offsets(p, n_neighbours)):

            * ``codes``: (n_codes + 1, E), ``parents``: (n_codes + 1, C)
            * ``prior1``: (27 C, U), ``prior1_bias``: (1, U)
            * ``prior2``: (U, 64 C), ``prior2_bias``: (1, 64 C)
            * ``hidden1``: (sum of K_p E + C over passes, H), ``hidden1_bias``: (15, H)
            * ``hidden2``: (H, H), ``hidden2_bias``: (15, H)
            * ``logits``: (H, n_codes), ``logits_bias``: (15, n_codes)

    Raises:
        ValueError: shapes do not fit, or sums could become inexact.
    """

    def __init__(self, state: Mapping[str, Any]) -> None:
        array = {name: value.numpy() for name, value in state.items() if isinstance(value, Tensor)}
        self.n_codes = len(array["codes"]) - 1
        if not 2 <= self.n_codes <= 256:
            raise ValueError(f"codes has {self.n_codes + 1} rows; a context model is of 2 to 256 codes")
        self.codes = array["codes"].astype(np.float32)
        self.parents = array["parents"].astype(np.float32)
        self.offsets = [known_offsets(number, int(state["n_neighbours"])) for number in range(N_PASSES)]
        self.prior1 = IntegerLayer(array["prior1"], array["prior1_bias"])
        self.prior2 = IntegerLayer(array["prior2"], array["prior2_bias"])
        sizes = [len(steps) * self.codes.shape[1] + self.parents.shape[1] for steps in self.offsets]
        if sum(sizes) != len(array["hidden1"]):
            raise ValueError(f"hidden1 has {len(array['hidden1'])} rows, must have {sum(sizes)}")
        self.hidden1 = [
            IntegerLayer(part, array["hidden1_bias"][number : number + 1])
            for number, part in enumerate(np.split(array["hidden1"], np.cumsum(sizes)[:-1]))
        ]
        self.hidden2 = IntegerLayer(array["hidden2"], array["hidden2_bias"])
        shift = LOGIT_BITS - LOGIT_STEPS.bit_length() + 1
        self.logits = IntegerLayer(array["logits"], array["logits_bias"], shift=shift)

    def code(self, field: Int64[np.ndarray, "d h w"], parent: np.ndarray | None, coder: SymbolCoder) -> None:
        """Give the field to the coder pass by pass, and set it to what the coder returns."""
        shape: Shape = field.shape
        prior = self._prior(shape, parent)
        canvas = np.full([side + 2 * REACH for side in shape], self.n_codes, np.int64)
        inside = canvas[REACH:-REACH, REACH:-REACH, REACH:-REACH]
        for number in range(N_PASSES):
            sites = sites_of_pass(shape, number)
            for start in range(0, len(sites[0]), _CHUNK):
                z, y, x = (axis[start : start + _CHUNK] for axis in sites)
                vectors = prior[z // BLOCK, y // BLOCK, x // BLOCK, z % BLOCK, y % BLOCK, x % BLOCK]
                table, rows = self._distributions(
                    self._neighbours(canvas, (z, y, x), number), vectors, number
                )
                symbols = coder.code(table, rows, field[z, y, x])
                inside[z, y, x] = symbols
        field[:] = inside

    def _prior(self, shape: Shape, parent: np.ndarray | None) -> np.ndarray:
        """Vectors of all sites by block and position, uint8, (d / 4, h / 4, w / 4, 4, 4, 4, C)."""
        blocks = [-(-side // BLOCK) for side in shape]
        canvas = np.full([side + 2 for side in blocks], len(self.parents) - 1, np.int64)
        if parent is not None:
            known = parent[tuple(slice(side) for side in blocks)]
            canvas[tuple(slice(1, 1 + side) for side in known.shape)] = known
        result = np.empty((*blocks, BLOCK, BLOCK, BLOCK, self.parents.shape[1]), np.uint8)
        for z in range(blocks[0]):
            slab = canvas[z : z + 3]
            windows = np.lib.stride_tricks.sliding_window_view(slab, (3, 3, 3))[0].reshape(-1, 27)
            x = self.parents[windows].reshape(len(windows), -1)
            x = self.prior2.activations(self.prior1.activations(x))
            result[z] = x.reshape(result.shape[1:])
        return result

    def _neighbours(self, canvas: np.ndarray, sites: tuple[np.ndarray, ...], number: int) -> np.ndarray:
        z, y, x = (axis + REACH for axis in sites)
        _, height, width = canvas.shape
        steps = [(dz * height + dy) * width + dx for dz, dy, dx in self.offsets[number]]
        base = (z * height + y) * width + x
        return canvas.ravel()[base[:, None] + np.array(steps, np.int64)]

    def _distributions(
        self, neighbours: Int64[np.ndarray, "n k"], vectors: Shaped[np.ndarray, "n c"], number: int
    ) -> tuple[Float32[np.ndarray, "m n_codes"], Int64[np.ndarray, " n"]]:
        """Frequencies of the different contexts, and which of them each site has."""
        first, rows = _different(neighbours, vectors)
        table = np.empty((len(first), self.n_codes), np.float32)
        for start in range(0, len(first), _ROWS):
            part = first[start : start + _ROWS]
            known = np.take(self.codes, neighbours[part], axis=0).reshape(len(part), -1)
            x = np.concatenate([known, vectors[part]], axis=1, dtype=np.float32)
            x = self.hidden2.activations(self.hidden1[number].activations(x), number)
            frequencies(self.logits.quotients(x, number), out=table[start : start + _ROWS])
        return table, rows


class ContextModel:
    """Integer networks of all levels of a VQ-VAE: its fields of indices to bytes and back, bit for bit.

    Every number is an integer, and every sum is exact in float32, so that machines, numbers of threads and
    libraries of linear algebra agree. The coarsest level is coded first; each level sees the one before.

    The file is what ``torch.save`` makes of a dictionary: ``version`` (1), ``weights`` (identity of the
    VQ-VAE's weights), ``levels`` (the ``state`` of a ``LevelContext`` each, finest first).

    Args:
        state: the dictionary.

    Raises:
        ValueError: it is no such dictionary, of a newer version, or a tensor does not fit.
    """

    def __init__(self, state: Mapping[str, Any]) -> None:
        if not isinstance(state, Mapping) or not {"version", "weights", "levels"} <= set(state):
            raise ValueError("state is no context model: it must have version, weights and levels")
        if state["version"] != VERSION:
            raise ValueError(
                f"version={state['version']} of the context model is not {VERSION}: update mrrecon"
            )
        self.weights = str(state["weights"])
        self._levels = [LevelContext(level) for level in state["levels"]]
        self.n_codes = self._levels[0].n_codes
        self.n_levels = len(self._levels)
        tensors = {
            f"{number}.{name}": torch.as_tensor(value)
            for number, level in enumerate(state["levels"])
            for name, value in level.items()
        }
        self.identity = weights_identity(tensors)

    @classmethod
    def load(cls, path: str | Path) -> "ContextModel":
        """Read the file of a model."""
        return cls(torch.load(path, map_location="cpu", weights_only=True))

    def encode(self, fields: Sequence[Int64[np.ndarray, "..."]]) -> bytes:
        """Fields, finest first, to bytes; ``encode_fields`` checks them before."""
        self._check(len(fields))
        coder = SymbolEncoder()
        self._code([field.copy() for field in fields], coder)
        return coder.payload()

    def decode(self, payload: bytes, shapes: Sequence[Shape]) -> list[Int64[np.ndarray, "..."]]:
        """Bytes to fields of the given shapes, finest first."""
        self._check(len(shapes))
        coder = SymbolDecoder(payload)
        fields = [np.zeros(shape, np.int64) for shape in shapes]
        self._code(fields, coder)
        coder.close()
        return fields

    def _check(self, n_fields: int) -> None:
        if n_fields != self.n_levels:
            raise ValueError(f"{n_fields} fields were given; this context model is of {self.n_levels} levels")

    def _code(self, fields: Sequence[np.ndarray], coder: SymbolCoder) -> None:
        parent = None
        # The products are small: threads that wait for each other cost more than they bring.
        with threadpool_limits(1, user_api="blas"):
            for level, field in reversed(list(zip(self._levels, fields, strict=True))):
                level.code(field, parent, coder)
                parent = field


def _different(neighbours: np.ndarray, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First site of each context, and the number of the context of each site.

    Contexts are compared by a 64-bit sum. Should two have the same, both sides of the line take the first.
    """
    odd = np.random.SeedSequence(0).generate_state(
        neighbours.shape[1] + vectors.shape[1], np.uint64
    ) | np.uint64(1)
    sums = neighbours.astype(np.uint64) @ odd[: neighbours.shape[1]]
    sums += vectors.astype(np.uint64) @ odd[neighbours.shape[1] :]
    _, first, rows = np.unique(sums, return_index=True, return_inverse=True)
    return first, rows
