import numpy as np
import torch

from mrrecon.morphometry.grid import Grid
from mrrecon.morphometry.priors import pool


def test_a_block_that_reaches_beyond_the_last_voxel_holds_zeros_there() -> None:
    volume = np.random.default_rng(0).random((7, 6, 8), np.float32)
    padded = np.pad(volume, ((0, 2), (0, 0), (0, 1)))
    expected = padded.reshape(3, 3, 2, 3, 3, 3).mean((1, 3, 5))
    pooled, _ = pool(torch.from_numpy(volume)[None], Grid(volume.shape, np.eye(4)), 3)
    assert np.allclose(pooled[0], expected, atol=1e-6)
