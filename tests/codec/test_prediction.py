import numpy as np

from mrrecon.codec.prediction import SUBSTEPS, Predictor, State, fit


def state_of(volume):
    state = State(np.ones(volume.shape, dtype=bool), outside=0, max_level=int(volume.max()))
    return state, volume.reshape(-1)[state.wavefront.flat]


def test_a_plane_is_predicted_to_a_sixteenth_of_a_level():
    z, y, x = np.ogrid[:12, :14, :16]
    state, levels = state_of(100 + 3 * z + 5 * y + 2 * x)
    predictor, _ = fit(state, levels)
    everything = slice(0, len(levels))
    error = np.abs(state.predict(predictor, everything)[1] - SUBSTEPS * levels)
    inner = state.empty_near == 0
    assert np.median(error[inner]) <= 2


def test_step_by_step_and_at_once_are_the_same_numbers():
    state, levels = state_of(np.random.default_rng(0).integers(0, 4000, (9, 8, 10)))
    predictor, _ = fit(state, levels)
    at_once = state.predict(predictor, slice(0, len(levels)))
    fresh, _ = state_of(np.full((9, 8, 10), 3999))
    fresh.max_level = state.max_level
    for step in fresh.wavefront.steps():
        first, second, scale = fresh.predict(predictor, step)
        for ours, theirs in zip((first, second, scale), at_once, strict=True):
            assert np.array_equal(ours, theirs[step])
        fresh.learn(step, levels[step], first, second)


def test_the_largest_sum_of_products_is_exact_in_float64():
    n_neighbours = Predictor.sizes(1)[2][0]
    largest_error = SUBSTEPS * (2**24 - 1)
    assert n_neighbours * 2**15 * largest_error < 2**53


def test_the_scale_follows_the_size_of_the_errors():
    rng = np.random.default_rng(2)
    spread = np.where(np.arange(40) < 20, 2.0, 20.0)
    state, levels = state_of(np.rint(500 + spread * rng.standard_normal((24, 24, 40))).astype(np.int64))
    predictor, _ = fit(state, levels)
    scale = state.predict(predictor, slice(0, len(levels)))[2]
    x, inner = state.wavefront.flat % 40, state.empty_near == 0
    assert scale[inner & (x > 25)].mean() > 5 * scale[inner & (x < 15)].mean()
