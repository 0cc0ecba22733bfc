"""Prediction of a voxel from those before it, and of the size of its error, in integers alone."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mrrecon.codec.wavefront import Wavefront, causal_offsets, within

__all__ = ["NEIGHBOURS", "Predictor", "State"]

NEIGHBOURS = causal_offsets(9)
_NEAR = causal_offsets(3)
_ERRORS = causal_offsets(6)
_PAIRS = ((0, 5), (1, 3), (2, 4), (0, 1), (1, 2), (0, 2))
FRACTION_BITS = 12
SUBSTEPS = 16
"""A prediction is counted in sixteenths of a level."""

MAX_BITS = 24
"""Bits of a level. Then no sum of products exceeds 2**53, whatever the coefficients (16 bits each)."""

MAX_CLASSES = len(_NEAR) + 1

_SAMPLES = 160_000
_CHUNK = 1 << 16


class Predictor(NamedTuple):
    """Coefficients, int16, of a scan.

    Args:
        class_of: (14,) class of a voxel by its number of the 13 nearest known neighbours that are no object.
        levels: (n_classes, n_neighbours + 1) of the levels of the neighbours, and of one.
        errors: (n_neighbours,) of what the levels alone left at the neighbours.
        scale: (n_features,) of the features of the error's scale.
    """

    class_of: np.ndarray
    levels: np.ndarray
    errors: np.ndarray
    scale: np.ndarray

    @classmethod
    def sizes(cls, n_classes: int) -> tuple[tuple[int, ...], ...]:
        """Shapes of the four arrays."""
        n_scale = len(_ERRORS) + len(_PAIRS) + 3
        return (len(_NEAR) + 1,), (n_classes, len(NEIGHBOURS) + 1), (len(NEIGHBOURS),), (n_scale,)


class State:
    """What encoder and decoder know of a volume so far.

    Voxels go by their number in the order of the wavefront.

    Args:
        mask: (depth, height, width) the object: voxels that are coded.
        outside: level of all other voxels.
        max_level: largest level there is.
    """

    def __init__(self, mask: np.ndarray, *, outside: int, max_level: int) -> None:
        self.max_level = max_level
        self.wavefront = Wavefront(mask, NEIGHBOURS)
        kind = np.float32 if max_level * SUBSTEPS < 2**24 else np.float64
        self.levels = np.full(self.wavefront.size, outside, dtype=kind)
        self.first_errors = np.zeros(self.wavefront.size, dtype=kind)
        self.errors = np.zeros(self.wavefront.size, dtype=kind)
        self.empty_near = _count(~mask, _NEAR)[self.wavefront.flat]
        self.empty_around = _count(~mask, within(3))[self.wavefront.flat]
        self.shifts = self.wavefront.shifts(NEIGHBOURS)
        self.error_shifts = self.wavefront.shifts(_ERRORS)

    def put(self, values: np.ndarray, step: slice, new: np.ndarray) -> None:
        """Writes values of voxels."""
        values[self.wavefront.place[step]] = new
        values[self.wavefront.twin[step]] = new

    def gather(self, values: np.ndarray, step: slice, shifts: np.ndarray) -> np.ndarray:
        """Values at the neighbours: float64, (n, n_shifts)."""
        return values.take(self.wavefront.place[step, None] + shifts, mode="clip").astype(np.float64)

    def first(self, predictor: Predictor, step: slice, neighbours: np.ndarray) -> np.ndarray:
        """Prediction from the neighbours' levels, in sixteenths: (n,) float64 that holds integers."""
        chosen = predictor.levels.astype(np.float64)[predictor.class_of[self.empty_near[step]]]
        total = np.einsum("nk,nk->n", neighbours, chosen[:, :-1]) + SUBSTEPS * chosen[:, -1]
        rounded = np.floor(total * (SUBSTEPS / 2.0**FRACTION_BITS) + 0.5)
        return np.clip(rounded, 0, SUBSTEPS * self.max_level)

    def second(self, predictor: Predictor, step: slice, first: np.ndarray) -> np.ndarray:
        """The same corrected by what the first prediction left at the neighbours."""
        left = self.gather(self.first_errors, step, self.shifts)
        correction = (left @ predictor.errors.astype(np.float64)) / 2.0**FRACTION_BITS
        return np.clip(first + np.floor(correction + 0.5), 0, SUBSTEPS * self.max_level)

    def features(self, step: slice, neighbours: np.ndarray, second: np.ndarray) -> np.ndarray:
        """What the scale of the error is predicted from: (n, n_features) integers."""
        columns = [self.gather(self.errors, step, self.error_shifts)]
        columns += [SUBSTEPS * np.abs(neighbours[:, i] - neighbours[:, j])[:, None] for i, j in _PAIRS]
        columns += [second[:, None], SUBSTEPS * self.empty_around[step, None].astype(np.float64)]
        columns += [np.full((len(second), 1), float(SUBSTEPS * max(1, self.max_level >> 4)))]
        return np.concatenate(columns, axis=1)

    def predict(self, predictor: Predictor, step: slice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """First prediction, prediction and scale of its error, in sixteenths: int64, (n,) each."""
        neighbours = self.gather(self.levels, step, self.shifts)
        first = self.first(predictor, step, neighbours)
        second = self.second(predictor, step, first)
        features = self.features(step, neighbours, second)
        scale = np.floor((features @ predictor.scale.astype(np.float64)) / 2.0**FRACTION_BITS)
        return first.astype(np.int64), second.astype(np.int64), np.maximum(scale, 0).astype(np.int64)

    def learn(self, step: slice, levels: np.ndarray, first: np.ndarray, second: np.ndarray) -> None:
        """The levels of voxels, now known."""
        self.put(self.levels, step, levels)
        self.put(self.first_errors, step, SUBSTEPS * levels - first)
        self.put(self.errors, step, np.abs(SUBSTEPS * levels - second))


def fit(state: State, levels: np.ndarray) -> tuple[Predictor, np.ndarray]:
    """Least squares over a scan.

    Args:
        state: with nothing known yet; left with all levels.
        levels: (n,) in the order of the wavefront.

    Returns:
        The predictor, and the scales that it gives the voxels it was fitted to.
    """
    if not len(levels):
        return Predictor(np.zeros(len(_NEAR) + 1, np.uint8), *_nothing(1)), np.zeros(0)
    true = SUBSTEPS * levels.astype(np.float64)
    all_voxels = slice(0, len(levels))
    state.put(state.levels, all_voxels, levels)
    sample = slice(0, len(levels), max(1, len(levels) // _SAMPLES))
    neighbours = state.gather(state.levels, sample, state.shifts)
    spread = neighbours[:, : len(_NEAR)].std(axis=1)
    weight = 1 / (spread**2 + 0.1 * np.mean(spread**2) + 0.1)
    class_of = _classes(state.empty_near[sample])
    predictor = Predictor(class_of, *_nothing(1))
    table = _per_class(neighbours, levels[sample], weight, class_of[state.empty_near[sample]])
    predictor = predictor._replace(levels=_stored(table))

    first = _over(
        len(levels), lambda s: state.first(predictor, s, state.gather(state.levels, s, state.shifts))
    )
    state.put(state.first_errors, all_voxels, true - first)
    left = state.gather(state.first_errors, sample, state.shifts)
    predictor = predictor._replace(errors=_stored(_solve(*_normal(left, (true - first)[sample], weight))))

    second = _over(len(levels), lambda s: state.second(predictor, s, first[s]))
    state.put(state.errors, all_voxels, np.abs(true - second))
    features = state.features(sample, neighbours, second[sample])
    size = np.abs(true - second)[sample]
    least = 0.05 * size.mean() + 1
    scale = np.full(len(size), size.mean() + 1)
    for _ in range(3):
        coefficients = _stored(_solve(*_normal(features, size, 1 / scale)))
        scale = features @ coefficients / 2.0**FRACTION_BITS
        scales, scale = np.maximum(np.floor(scale), 0), np.maximum(scale, least)
    return predictor._replace(scale=coefficients), scales


def _nothing(n_classes: int) -> list[np.ndarray]:
    return [np.zeros(shape, np.int16) for shape in Predictor.sizes(n_classes)[1:]]


def _per_class(
    neighbours: np.ndarray, target: np.ndarray, weight: np.ndarray, kind: np.ndarray
) -> np.ndarray:
    """Coefficients (n_classes, n_neighbours + 1); each class leans a little on all the others."""
    features = np.concatenate([neighbours, np.full((len(neighbours), 1), float(SUBSTEPS))], axis=1)
    own = [_normal(features[kind == k], target[kind == k], weight[kind == k]) for k in range(kind.max() + 1)]
    share = 200 / len(target)
    gram, right = sum(g for g, _ in own), sum(r for _, r in own)
    return np.array([_solve(g + share * gram, r + share * right) for g, r in own])


def _classes(empty: np.ndarray) -> np.ndarray:
    """Class by number of empty neighbours; so few that each has enough voxels."""
    counts = np.bincount(empty, minlength=len(_NEAR) + 1)
    class_of = np.zeros(len(counts), dtype=np.uint8)
    current, held = 0, 0
    for number, count in enumerate(counts.tolist()):
        class_of[number] = current
        held += count
        if held >= 3000 and counts[number + 1 :].sum() >= 3000:
            current, held = current + 1, 0
    return class_of


def _normal(features: np.ndarray, target: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    weighted = features * weight[:, None]
    return weighted.T @ features, weighted.T @ target


def _solve(gram: np.ndarray, right: np.ndarray) -> np.ndarray:
    ridge = 1e-7 * np.trace(gram) / len(gram) + 1e-9
    return np.linalg.solve(gram + ridge * np.eye(len(gram)), right)


def _stored(coefficients: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(coefficients * 2.0**FRACTION_BITS), -32768, 32767).astype(np.int16)


def _over(number: int, function: Callable[[slice], np.ndarray]) -> np.ndarray:
    starts = range(0, number, _CHUNK)
    return np.concatenate([function(slice(start, min(start + _CHUNK, number))) for start in starts])


def _count(marked: np.ndarray, offsets: list[tuple[int, int, int]]) -> np.ndarray:
    """How many of each voxel's neighbours are marked, or outside of the volume: uint8, flat."""
    padded = np.pad(marked.astype(np.uint8), 1, constant_values=1)
    total = np.zeros(marked.shape, dtype=np.uint8)
    for offset in offsets:
        total += padded[tuple(slice(1 + o, 1 + o + n) for o, n in zip(offset, marked.shape, strict=True))]
    return total.reshape(-1)
