import numpy as np

from mrrecon.morphometry.brain_mask import extracted_brain


def ball(n: int = 40, radius: float = 0.7) -> np.ndarray:
    grid = np.stack(np.meshgrid(*3 * [np.linspace(-1, 1, n)], indexing="ij"))
    return (np.linalg.norm(grid, axis=0) < radius).astype(np.float32)


def test_a_brain_on_zeros_is_found_to_its_darkest_voxel():
    brain = ball() * np.random.default_rng(0).uniform(0.01, 1, (40, 40, 40)).astype(np.float32)
    mask = extracted_brain(brain, voxel_volume=8.0)
    assert mask is not None
    assert np.array_equal(mask, ball() > 0)


def test_the_ringing_of_a_codec_is_no_brain():
    brain = 0.5 * ball() + 0.5 * ball(radius=0.4)
    ringing = 0.03 * (ball(radius=0.85) - ball()) * np.random.default_rng(0).random((40, 40, 40))
    mask = extracted_brain((brain + ringing).astype(np.float32), voxel_volume=8.0)
    assert mask is not None
    assert np.array_equal(mask, ball() > 0)


def test_noise_everywhere_is_taken_away_too():
    noise = 0.02 * np.abs(np.random.default_rng(0).standard_normal((40, 40, 40))).clip(max=3)
    mask = extracted_brain((ball() + noise).astype(np.float32), voxel_volume=8.0)
    assert mask is not None
    assert np.array_equal(mask, ball() > 0)


def test_what_is_larger_than_a_brain_or_fills_the_volume_is_none():
    assert extracted_brain(ball(), voxel_volume=1000.0) is None
    assert extracted_brain(np.ones((8, 8, 8), np.float32) + ball(8, 0.3), voxel_volume=8.0) is not None
    assert extracted_brain(np.random.default_rng(0).random((8, 8, 8), np.float32), voxel_volume=8.0) is None


def test_the_rim_that_resampling_leaves_is_no_brain():
    rim = ball(radius=0.715) - ball()
    assert 1.05 < 1 + rim.sum() / ball().sum() < 1.1
    mask = extracted_brain(0.8 * ball() + 0.04 * rim, voxel_volume=8.0)
    assert mask is not None
    assert np.array_equal(mask, ball() > 0)
