import zlib

import numpy as np
import pytest

from mrrecon.codec.container import CodecError
from mrrecon.codec.ranks import from_ranks, to_ranks


@pytest.mark.parametrize("step", [1, 2, 7, 1000])
def test_levels_come_back(step):
    levels = step * np.random.default_rng(0).integers(0, 60, (4, 5, 6))
    assert np.array_equal(from_ranks(*to_ranks(levels)), levels)


def test_ranks_leave_no_gap():
    ranks, used = to_ranks(3 * np.arange(20))
    assert ranks.tolist() == list(range(20))
    assert len(used) > 0


def test_levels_that_are_all_in_use_stay():
    levels = np.arange(20)
    ranks, used = to_ranks(levels)
    assert ranks is levels
    assert used == b""


def test_a_list_of_levels_that_is_damaged_or_short_is_an_error():
    ranks, used = to_ranks(3 * np.arange(20))
    with pytest.raises(CodecError, match="damaged"):
        from_ranks(ranks, used[1:])
    with pytest.raises(CodecError, match="1 levels in use, not 20"):
        from_ranks(ranks, zlib.compress(b"\x01"))
