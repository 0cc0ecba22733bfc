"""The network as a whole, against the same network written the plain way."""

import hashlib
from collections import Counter

import pytest
import torch
from plain_vqvae import PlainVQVAE
from torch import nn

from mrrecon.networks import MultiLevelVQVAE, SubpixelUpsample3d, blur, depth_to_space

SMALL = {"channels": (2, 4, 4, 8, 8, 8, 8), "n_codes": 16, "code_channels": (2, 3, 4)}

# Parameters of each stage: blocks of 2 * taps * in * out + 27 * out^2 + 5.
STAGES = {
    "encode1.0": 653,
    "encode1.1": 3_461,
    "encode1.2": 13_829,
    "encode2.0": 55_301,
    "encode2.1": 221_189,
    "encode3.0": 884_741,
    "encode3.1": 3_538_949,
    "to_code3": 470_021,
    "condition2.0": 72_453,
    "condition2.1": 18_117,
    "to_code2": 32_837,
    "condition1.0": 4_533,
    "condition1.1": 1_137,
    "to_code1": 2_057,
    "decode3.0": 966_661,
    "decode3.1": 1_159_173,
    "decode2.0": 322_565,
    "decode2.1": 72_453,
    "decode1.0": 20_165,
    "decode1.1": 1_736,
}


def lively(network: nn.Module, x: torch.Tensor) -> nn.Module:
    """The network with every parameter away from where it starts, and codebooks that fit its features."""
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            std = 0.02 if "bias" in name else 0.5 * float(parameter.std()) if parameter.numel() > 1 else 0.1
            parameter.add_((std or 0.03) * torch.randn_like(parameter))
        network.train()(x)
    return network.eval()


def plain_twin(network: nn.Module, **arguments: object) -> PlainVQVAE:
    twin = PlainVQVAE(**arguments).eval()
    twin.load_state_dict(network.state_dict())
    return twin


def test_each_stage_has_the_parameters_of_the_paper():
    network = MultiLevelVQVAE()
    counts = {stage: sum(p.numel() for p in network.get_submodule(stage).parameters()) for stage in STAGES}
    assert counts == STAGES
    assert sum(p.numel() for p in network.parameters()) == sum(STAGES.values()) == 7_862_031


@pytest.mark.parametrize("blur", ["upsample", "everywhere", "none"])
def test_network_is_the_plain_one(blur):
    x = torch.rand(1, 1, 64, 64, 128)
    # In float64, where no vector of features lies half-way between two codes.
    network, x = lively(MultiLevelVQVAE(blur=blur), x).double(), x.double()
    with torch.inference_mode():
        expected, expected_codes, _ = plain_twin(network, blur=blur).double()(x)
        assert all(torch.equal(*pair) for pair in zip(network.encode(x), expected_codes, strict=True))
        torch.testing.assert_close(network(x), expected)


def test_gradients_of_a_training_step_are_those_of_the_plain_network():
    x = torch.rand(2, 1, 64, 64, 64)
    network, x = lively(MultiLevelVQVAE(**SMALL, commitment=0.5), x).double(), x.double()
    plain = plain_twin(network, **SMALL).double()
    y, commitment = network.train()(x)
    ((y - x).square().mean() + commitment).backward()
    expected, _, quantisation = plain(x)
    ((expected - x).square().mean() + 0.5 * quantisation).backward()
    torch.testing.assert_close(commitment, 0.5 * quantisation)
    wanted = {name: parameter.grad for name, parameter in plain.named_parameters()}
    torch.testing.assert_close({name: p.grad for name, p in network.named_parameters()}, wanted)


def test_reconstruction_is_the_decoded_codes():
    x = torch.rand(1, 1, 64, 64, 64)
    network = lively(MultiLevelVQVAE(**SMALL), x)
    with torch.inference_mode():
        assert torch.equal(network.decode(*network.encode(x)), network(x))


@pytest.mark.parametrize("size", [64, 128])
def test_codes_lie_on_a_quarter_a_sixteenth_and_a_sixty_fourth(size):
    network = MultiLevelVQVAE(**SMALL).eval()
    with torch.inference_mode():
        codes = network.encode(torch.zeros(1, 1, 64, size, 64))
    assert [tuple(c.shape) for c in codes] == [(1, 64 // n, size // n, 64 // n) for n in (4, 16, 64)]
    assert all(c.dtype == torch.int64 for c in codes)


@pytest.mark.slow
def test_codes_of_the_size_of_the_paper():
    network = MultiLevelVQVAE(**SMALL).eval()
    with torch.inference_mode():
        codes = network.encode(torch.zeros(1, 1, 192, 256, 192))
    assert [tuple(c.shape[1:]) for c in codes] == [(48, 64, 48), (12, 16, 12), (3, 4, 3)]


@pytest.mark.parametrize("shape", [(1, 1, 1), (63, 64, 65), (8, 70, 30)])
def test_any_size_is_padded_and_cropped_back(shape):
    x = torch.rand(1, 1, *shape)
    network = MultiLevelVQVAE(**SMALL).eval()
    before = [(-n % 64) // 2 for n in shape]
    padded = torch.zeros(1, 1, *(n + -n % 64 for n in shape))
    inside = (..., *(slice(b, b + n) for b, n in zip(before, shape, strict=True)))
    padded[inside] = x
    with torch.inference_mode():
        torch.testing.assert_close(network(x), network(padded)[inside])
    assert network.train()(x)[0].shape == x.shape


def test_several_channels_and_images_pass_side_by_side():
    network = MultiLevelVQVAE(2, 3, **SMALL).eval()
    x = torch.rand(2, 2, 64, 64, 64)
    with torch.inference_mode():
        y = network(x)
        assert y.shape == (2, 3, 64, 64, 64)
        torch.testing.assert_close(y[1:], network(x[1:]))


def test_network_learns_one_image_by_heart():
    network = MultiLevelVQVAE(**SMALL)
    axis = torch.linspace(-1, 1, 64)
    x = torch.exp(-4 * (axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2))[None, None]
    optimiser = torch.optim.Adam(network.parameters(), lr=5e-3)
    errors = []
    for _ in range(20):
        y, commitment = network(x)
        error = (y - x).square().mean()
        optimiser.zero_grad()
        (error + commitment).backward()
        optimiser.step()
        errors.append(error.item())
    assert errors[-1] < 0.2 * errors[0]


def test_eight_sub_kernels_of_the_head_start_equal():
    head = SubpixelUpsample3d(3, 2, blurred=False)
    kernels = head.conv.weight.detach().unflatten(0, (2, 8))
    assert torch.equal(kernels, kernels[:, :1].expand_as(kernels))
    assert not torch.equal(kernels[0], kernels[1])
    nn.init.zeros_(head.conv.bias)
    y = head(torch.randn(1, 3, 4, 4, 4)).detach()
    assert torch.equal(y, nn.functional.interpolate(y[..., ::2, ::2, ::2], scale_factor=2))


def test_head_is_a_convolution_shuffled_and_blurred():
    head = SubpixelUpsample3d(3, 1)
    x = torch.randn(1, 3, 4, 4, 4)
    torch.testing.assert_close(head(x), blur(depth_to_space(head.conv(x))))


def test_blur_follows_where_it_is_asked_for():
    def blurred(kind: str) -> Counter:
        network = MultiLevelVQVAE(**SMALL, blur=kind)
        return Counter(network.get_submodule(stage).blurred for stage in STAGES)

    assert blurred("upsample") == {True: 10, False: 10}
    assert blurred("everywhere") == {True: 20}
    assert blurred("none") == {False: 20}


def test_names_of_the_weights_stay():
    block = ["bias1a", "bias1b", "bias2a", "bias2b", "scale"]
    block += ["conv1.weight", "conv2.weight", "skip_conv.weight"]
    quantizer = ("codebook", "ema_count", "ema_square", "ema_sum", "initialised", "n_updates")
    names = [f"{stage}.{name}" for stage in STAGES if stage != "decode1.1" for name in block]
    names += [f"quantize{level}.{name}" for level in (1, 2, 3) for name in quantizer]
    names += ["decode1.1.conv.weight", "decode1.1.conv.bias"]
    assert sorted(MultiLevelVQVAE(**SMALL).state_dict()) == sorted(names)


def test_network_starts_from_the_same_weights_for_the_same_seed():
    digests = set()
    for _ in range(2):
        torch.manual_seed(7)
        state = MultiLevelVQVAE(**SMALL).state_dict()
        digests.add(hashlib.sha256(b"".join(v.numpy().tobytes() for v in state.values())).hexdigest())
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"channels": (1, 2, 3)}, r"channels=\(1, 2, 3\) must have seven entries"),
        ({"code_channels": (2, 8)}, r"code_channels=\(2, 8\) must have three entries, finest first"),
        ({"blur": "often"}, "blur='often' is not known: use 'upsample', 'everywhere' or 'none'"),
        ({"n_codes": 1}, "n_codes=1 must be 2 or more"),
        ({"decay": 1.0}, r"decay=1.0 must lie in \[0, 1\)"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        MultiLevelVQVAE(**{**SMALL, **arguments})
