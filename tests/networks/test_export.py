"""The network leaves Python: TorchScript, torch.export and ONNX give what it gives."""

import onnxruntime
import pytest
import torch
from torch.export import Dim
from torch.fx.experimental import _config as shape_config

from mrrecon.networks import MultiLevelVQVAE

SHAPES = [(64, 64, 64), (50, 70, 64), (192, 65, 128)]
EXAMPLE = (torch.rand(1, 1, 100, 130, 128),)
SIZES = dict.fromkeys((2, 3, 4), Dim.DYNAMIC)


@pytest.fixture(scope="module")
def network() -> MultiLevelVQVAE:
    torch.manual_seed(0)
    network = MultiLevelVQVAE(channels=(2, 2, 4, 4, 8, 8, 8), n_codes=16, code_channels=(2, 3, 4))
    with torch.no_grad():
        network.train()(torch.rand(2, 1, 64, 64, 64))
    return network.eval()


@pytest.fixture(scope="module")
def exported(network: MultiLevelVQVAE) -> torch.export.ExportedProgram:
    # Without it the graph is bound to sizes above 64 that are, like the example's, no multiple of 64.
    with torch.no_grad(), shape_config.patch(backed_size_oblivious=True):
        return torch.export.export(network, EXAMPLE, dynamic_shapes=(SIZES,))


@pytest.mark.parametrize("shape", SHAPES)
def test_scripted_network_is_the_eager_one(network, shape):
    scripted = torch.jit.script(network)
    x = torch.rand(1, 1, *shape)
    with torch.no_grad():
        torch.testing.assert_close(scripted(x), network(x), rtol=0, atol=1e-5)


def test_scripted_network_encodes_and_decodes(network):
    scripted = torch.jit.script(network)
    x = torch.rand(1, 1, 64, 64, 64)
    with torch.no_grad():
        codes = network.encode(x)
        assert all(torch.equal(*pair) for pair in zip(scripted.encode(x), codes, strict=True))
        torch.testing.assert_close(scripted.decode(*codes), network.decode(*codes), rtol=0, atol=1e-5)


@pytest.mark.slow
def test_exported_network_takes_any_size(network, exported):
    module = exported.module()
    # With other images rounding may decide: with seed 0 one vector lies half-way between two codes, to 3e-6.
    torch.manual_seed(1)
    # One block of 64 in all is refused: torch fixes that a convolution has more sites than one.
    for shape in SHAPES[1:]:
        x = torch.rand(1, 1, *shape)
        with torch.no_grad():
            torch.testing.assert_close(module(x), network(x), rtol=0, atol=1e-5)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_onnx_network_takes_any_size(network, exported, tmp_path):
    path = tmp_path / "network.onnx"
    torch.onnx.export(exported, (), path, dynamo=True, verbose=False)
    session = onnxruntime.InferenceSession(path)
    for shape in SHAPES:
        x = torch.rand(1, 1, *shape)
        (y,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
        with torch.no_grad():
            torch.testing.assert_close(torch.from_numpy(y), network(x), rtol=0, atol=1e-4)
