import numpy as np

from mrrecon.codec.context_model import ContextModel
from mrrecon.codec.context_training import train_context_model
from mrrecon.codec.fields import encode_fields


def striped_fields(seed):
    """Indices that neighbours and the coarser field foretell."""
    coarse = np.random.default_rng(seed).integers(0, 4, (3, 3, 3))
    fine = coarse.repeat(4, 0).repeat(4, 1).repeat(4, 2)
    return [(fine + np.arange(12)) % 4, coarse]


def test_a_trained_model_foretells_scans_it_has_not_seen():
    scans = [striped_fields(seed) for seed in range(8)]
    model = ContextModel(train_context_model(scans, n_codes=4, weights="ab", n_steps=80, n_blocks=16))
    fields = striped_fields(100)
    bits_without_context = 2 * fields[0].size
    assert model.weights == "ab"
    assert 8 * len(encode_fields(fields, model)) < 0.6 * bits_without_context


def test_equal_seeds_give_equal_models():
    states = [
        train_context_model([striped_fields(0)], n_codes=4, weights="", n_steps=2, n_blocks=4)
        for _ in range(2)
    ]
    assert ContextModel(states[0]).identity == ContextModel(states[1]).identity
