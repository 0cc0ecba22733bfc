"""Which voxels belong to an object: a mask, coded bit by bit under its neighbours before."""

import numpy as np

from mrrecon.codec.container import CodecError
from mrrecon.codec.range_coder import Coder, in_groups, table_model
from mrrecon.codec.wavefront import Wavefront, causal_offsets

__all__ = ["code_mask"]

# Odds of a set voxel, from 1 : 2**14 to 2**14 : 1, in half powers of two. IEEE 754 defines a square root.
_ODDS = np.sqrt(np.ldexp(1.0, np.arange(-28, 29)))
_PROBABILITY = np.rint(_ODDS / (1 + _ODDS) * 65536).astype(np.int64)
_BETWEEN = (_PROBABILITY[1:] + _PROBABILITY[:-1]) // 2
_NEIGHBOURS = causal_offsets(3)


def code_mask(coder: Coder, mask: np.ndarray | None, shape: tuple[int, int, int]) -> np.ndarray:
    """Codes a mask; each voxel's distribution is counted so far over the voxels with the same neighbours.

    Args:
        coder: reads or writes.
        mask: bool, of ``shape``, to write; ``None`` to read.
        shape: voxels along each axis.

    Returns:
        The mask.
    """
    models = [table_model(np.array([65536 - p, p])) for p in np.clip(_PROBABILITY, 1, 65535)]
    wavefront = Wavefront(np.ones(shape, dtype=bool), _NEIGHBOURS)
    known = np.zeros(wavefront.size, dtype=np.uint8)
    true = None if mask is None else mask.reshape(-1).astype(np.uint8)[wavefront.flat]
    shifts = wavefront.shifts(_NEIGHBOURS).tolist()
    set_count = np.ones(1 << len(shifts), dtype=np.int64)
    count = np.full(1 << len(shifts), 2, dtype=np.int64)
    result = np.zeros(wavefront.flat.shape, dtype=bool)
    for step in wavefront.steps():
        place = wavefront.place[step]
        context = np.zeros(len(place), dtype=np.int64)
        for bit, shift in enumerate(shifts):
            context |= known[place + shift].astype(np.int64) << bit
        group = np.searchsorted(_BETWEEN, set_count[context] * 65536 // count[context]).astype(np.uint8)
        bits = in_groups(coder, None if true is None else true[step], group, models)
        if bits.max() > 1:
            raise CodecError("coded volume is damaged: a symbol is none of the model")
        known[place] = known[wavefront.twin[step]] = bits
        np.add.at(set_count, context, 2 * bits)
        np.add.at(count, context, 2)
        result[wavefront.flat[step]] = bits
    return result.reshape(shape)
