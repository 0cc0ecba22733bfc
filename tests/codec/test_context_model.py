import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from codec.contexts import SIZES, small_context
from threadpoolctl import threadpool_limits

from mrrecon.codec.container import CodecError
from mrrecon.codec.context_model import ContextModel, LevelContext
from mrrecon.codec.context_training import Blocks, TrainableContext
from mrrecon.codec.fields import decode_fields, encode_fields
from mrrecon.codec.symbol_coder import SymbolEncoder


class Counter(SymbolEncoder):
    """Counts the bits of symbols under the frequencies it is told."""

    bits = np.zeros(0)

    def code(self, table, rows, symbols):
        p = table / table.sum(1, keepdims=True)
        self.bits = np.append(self.bits, -np.log2(p[rows, symbols]))
        return symbols


def random_fields(*shapes, n_codes=5, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.integers(0, n_codes, shape) for shape in shapes]


@pytest.mark.parametrize(
    "shapes",
    [
        [(1, 1, 1), (1, 1, 1)],
        [(5, 7, 9), (2, 2, 3)],
        [(8, 4, 12), (2, 1, 3)],
        [(1, 30, 2), (1, 1, 1)],
        [(6, 6, 6), (9, 1, 9)],
        [(26, 30, 36), (10, 10, 10)],
    ],
)
def test_fields_of_any_shape_come_back(shapes):
    model, _ = small_context()
    fields = random_fields(*shapes)
    decoded = decode_fields(encode_fields(fields, model), shapes, model)
    assert all(np.array_equal(a, b) for a, b in zip(decoded, fields, strict=True))


def test_the_number_of_threads_does_not_matter():
    model, _ = small_context(256)
    fields = random_fields((24, 24, 24), (6, 6, 6), n_codes=256)
    with threadpool_limits(1):
        one = encode_fields(fields, model)
    with threadpool_limits(2):
        assert encode_fields(fields, model) == one
        decoded = decode_fields(one, [(24, 24, 24), (6, 6, 6)], model)
    assert np.array_equal(decoded[0], fields[0])


def test_bytes_are_those_of_the_models_cross_entropy():
    model, (network, _) = small_context()
    level, counter = LevelContext(network.integers()), Counter()
    field, parent = random_fields((32, 32, 32), (8, 8, 8))
    level.code(field, parent, counter)
    without = len(encode_fields([np.zeros((1, 1, 1), int), parent], model))
    assert 8 * (len(encode_fields([field, parent], model)) - without) == pytest.approx(
        counter.bits.sum(), rel=5e-3
    )


def test_integers_compute_what_was_trained():
    network, counter = small_context()[1][0], Counter()
    field, parent = random_fields((16, 16, 16), (4, 4, 4))
    LevelContext(network.integers()).code(field, parent, counter)
    blocks = Blocks([field], [parent], 5)
    rows, canvas = torch.arange(64), blocks.canvas.flatten().long()
    with torch.no_grad():
        logits, codes = network(blocks.around(rows), canvas, blocks.base[rows], blocks.strides)
    expected = F.cross_entropy(logits.double() * math.log(2), codes, reduction="none") / math.log(2)
    assert np.allclose(np.sort(counter.bits), np.sort(expected), atol=0.07)


def test_neighbours_and_coarser_codes_change_the_distribution():
    level = LevelContext(small_context()[1][0].integers())
    field, parent = random_fields((8, 8, 8), (2, 2, 2))
    reference, other_parent, other_site = Counter(), Counter(), Counter()
    level.code(field.copy(), parent, reference)
    level.code(field.copy(), (parent + 1) % 5, other_parent)
    field[0, 0, 0] = (field[0, 0, 0] + 1) % 5
    level.code(field, parent, other_site)
    assert len({counter.bits.sum() for counter in (reference, other_parent, other_site)}) == 3


def test_a_saved_model_codes_alike(tmp_path):
    _, networks = small_context()
    state = {"version": 1, "weights": "ab", "levels": [network.integers() for network in networks]}
    torch.save(state, tmp_path / "context.pt")
    fields = random_fields((5, 6, 7), (2, 2, 2))
    loaded, model = ContextModel.load(tmp_path / "context.pt"), ContextModel(state)
    assert (loaded.identity, loaded.weights) == (model.identity, "ab")
    assert encode_fields(fields, loaded) == encode_fields(fields, model)


def test_another_seed_has_another_identity():
    assert small_context(seed=1)[0].identity != small_context(seed=2)[0].identity


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 9}, "version=9 of the context model is not 1: update mrrecon"),
        ({"levels": [TrainableContext(300, **SIZES).integers()]}, "a context model is of 2 to 256 codes"),
    ],
)
def test_a_model_that_does_not_fit_is_refused(change, message):
    levels = [TrainableContext(5, **SIZES).integers()]
    with pytest.raises(ValueError, match=message):
        ContextModel({"version": 1, "weights": "", "levels": levels} | change)


def test_a_dictionary_of_something_else_is_refused():
    with pytest.raises(ValueError, match="state is no context model"):
        ContextModel({"codebook": torch.zeros(3)})


def test_a_layer_of_another_size_is_refused():
    state = TrainableContext(5, **SIZES).integers()
    state["hidden1"] = state["hidden1"][:-1]
    with pytest.raises(ValueError, match=r"hidden1 has .* rows, must have"):
        LevelContext(state)


def test_fields_of_another_number_of_levels_are_refused():
    model, _ = small_context()
    with pytest.raises(ValueError, match="3 fields were given; this context model is of 2 levels"):
        encode_fields(random_fields((1, 1, 1), (1, 1, 1), (1, 1, 1)), model)
    with pytest.raises(ValueError, match="1 fields were given"):
        decode_fields(b"", [(1, 1, 1)], model)


def test_damage_is_an_error_or_other_indices_but_no_crash():
    model, _ = small_context()
    shapes = [(9, 9, 9), (3, 3, 3)]
    payload = encode_fields(random_fields(*shapes), model)
    rng = np.random.default_rng(0)
    for _ in range(60):
        damaged = bytearray(payload[: rng.integers(0, len(payload) + 1)] if rng.random() < 0.5 else payload)
        for place in rng.integers(0, max(1, len(damaged)), 3) if damaged else []:
            damaged[place] = rng.integers(0, 256)
        try:
            decoded = decode_fields(bytes(damaged), shapes, model)
        except CodecError:
            continue
        assert all(
            field.max() < 5 and field.shape == shape for field, shape in zip(decoded, shapes, strict=True)
        )
