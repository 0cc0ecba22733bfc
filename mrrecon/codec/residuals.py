"""What a prediction leaves, coded under distributions that are counted while coding."""

import numpy as np

from mrrecon.codec.container import CodecError
from mrrecon.codec.prediction import SUBSTEPS
from mrrecon.codec.range_coder import Coder, Model, in_groups, raw, table_model

__all__ = ["N_THRESHOLDS", "ResidualCoder", "thresholds"]

N_THRESHOLDS = 39
_REACH = 160
_ESCAPE = 2 * _REACH + 1
_PHASES = 3
_FINE = 2 * SUBSTEPS
_UNIT = 256
_PRIOR = 24 * _UNIT
_MOST = 1 << 21


def thresholds(scales: np.ndarray) -> np.ndarray:
    """Bounds between bins of scale that hold equally many of the given ones: uint32, (39,), ascending."""
    if not len(scales):
        return np.zeros(N_THRESHOLDS, dtype=np.uint32)
    shares = np.arange(1, N_THRESHOLDS + 1) / (N_THRESHOLDS + 1)
    return np.clip(np.quantile(scales, shares), 0, 2**32 - 1).astype(np.uint32)


class ResidualCoder:
    """Codes levels given their predictions.

    A bin of the predicted scale, and for small scales the fraction of the prediction, choose one of the
    distributions. Each is the count of what it coded so far, on top of a bell with long tails.

    Args:
        bounds: (39,) bounds between bins of scale, in sixteenths of a level, ascending.
        max_level: largest level there is.
    """

    def __init__(self, bounds: np.ndarray, max_level: int) -> None:
        self._bounds = bounds.astype(np.int64)
        self._max_level = max_level
        middle = np.concatenate([self._bounds[:1] // 2, self._bounds]) + 1
        self._fine = middle < _FINE
        # A large error is split: its low bits have no distribution worth a model.
        self._low_bits = np.array([max(0, int(m).bit_length() - 9) for m in middle])
        steps = np.arange(-_REACH, _REACH + 1, dtype=np.float64)
        prior = np.ones((len(middle), _PHASES, _ESCAPE + 1), dtype=np.int64)
        for bin_, (centre, low) in enumerate(zip(middle.tolist(), self._low_bits.tolist(), strict=True)):
            for phase in range(_PHASES):
                expected = 3.0 * phase + 1 if self._fine[bin_] else 0.0
                error = steps * (SUBSTEPS << low) + ((SUBSTEPS << low) - SUBSTEPS) / 2 - expected
                # Student's t, 5 degrees of freedom. Basic operations on single numbers, and sums of integers:
                # the same on every machine.
                base = 1 + error * error / (5.0 * centre * centre)
                bell = np.floor(2.0**30 / (base * base * base)).astype(np.int64)
                prior[bin_, phase, :-1] += bell * _PRIOR // max(1, int(bell.sum()))
        self._prior = prior.reshape(-1, _ESCAPE + 1)
        self._counts = np.zeros_like(self._prior)
        self._models: list[Model] = []
        self._seen = self._next = 0

    def code(
        self, coder: Coder, levels: np.ndarray | None, prediction: np.ndarray, scale: np.ndarray
    ) -> np.ndarray:
        """Codes levels.

        Args:
            coder: reads or writes.
            levels: (n,) int64 to write; ``None`` to read.
            prediction: (n,) int64, sixteenths of a level.
            scale: (n,) int64 of the error, sixteenths of a level.

        Returns:
            The levels, (n,) int64.
        """
        centre = (prediction + SUBSTEPS // 2) // SUBSTEPS
        phase = prediction - SUBSTEPS * centre
        sign = np.where(phase < 0, -1, 1)
        bins = np.searchsorted(self._bounds, scale)
        low_bits = self._low_bits[bins]
        group = (_PHASES * bins + np.where(self._fine[bins], np.abs(phase) // 3, 0)).astype(np.uint8)
        symbols = low = None
        if levels is not None:
            error = sign * (levels - centre)
            high = error >> low_bits
            low = error - (high << low_bits)
            symbols = np.where(np.abs(high) <= _REACH, high + _REACH, _ESCAPE)
        self._refresh()
        done = in_groups(coder, symbols, group, self._models)
        if len(done) and done.max() > _ESCAPE:
            raise CodecError("coded volume is damaged: a symbol is none of the model")
        np.add.at(self._counts, (group, done), 1)
        self._seen += len(done)
        error = self._with_low_bits(coder, low, (done - _REACH) << low_bits, low_bits)
        found = centre + sign * error
        escaped = np.flatnonzero(done == _ESCAPE)
        if len(escaped):
            given = None if levels is None else levels[escaped]
            found[escaped] = raw(coder, given, self._max_level.bit_length(), len(escaped))
        return np.clip(found, 0, self._max_level)

    def _with_low_bits(
        self, coder: Coder, low: np.ndarray | None, high: np.ndarray, low_bits: np.ndarray
    ) -> np.ndarray:
        for bits in np.unique(low_bits[low_bits > 0]).tolist():
            which = np.flatnonzero(low_bits == bits)
            given = None if low is None else low[which]
            high[which] += raw(coder, given, bits, len(which))
        return high

    def _refresh(self) -> None:
        if self._seen < self._next:
            return
        self._next = self._seen + self._seen // 32 + 500
        weights = _UNIT * self._counts + self._prior
        shift = np.zeros(len(weights), dtype=np.int64)
        total = weights.sum(1)
        while (over := total >> shift > _MOST).any():
            shift += over
        weights = np.maximum(weights >> shift[:, None], 1)
        self._models = [table_model(row) for row in weights]
