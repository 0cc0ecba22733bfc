"""What one step of an α-WGAN moves, and that it can be taken up again to the bit."""

import io
import multiprocessing
import socket
from typing import Any

import pytest
import torch
from torch import nn

from mrrecon.engines import AlphaWGANSteps, average_gradients, share_weights
from mrrecon.networks import AlphaWGAN, CodeCritic, VolumeEncoder

NAMES = ["encoder", "generator", "critic", "code_critic"]


def made(
    optimizer: Any = torch.optim.SGD, *, norm: str = "batch", begin: int = 0, **options: Any
) -> AlphaWGANSteps:
    torch.manual_seed(begin)
    network = AlphaWGAN(channels=(2, 3), latent=4, norm=norm)
    critic, code_critic = VolumeEncoder(1, channels=(2, 3), norm=norm), CodeCritic(4, hidden=5, norm="none")
    parts = [network.encoder, network.generator, critic, code_critic]
    optimizers = {n: optimizer(p.parameters(), lr=1e-2) for n, p in zip(NAMES, parts, strict=True)}
    return AlphaWGANSteps(
        network, critic, code_critic, optimizers=optimizers, distance=nn.L1Loss(), **options
    )


def weights(steps: AlphaWGANSteps) -> dict[str, torch.Tensor]:
    """All weights of each network as one vector."""
    return {
        name: torch.cat([p.detach().flatten() for p in network.parameters()]).clone()
        for name, network in steps.networks.items()
    }


@pytest.fixture
def x(generator: torch.Generator) -> torch.Tensor:
    return torch.rand(3, 1, 16, 16, 16, generator=generator)


def test_each_network_moves_in_its_own_update_alone(x):
    steps, moved = made(), []
    for name, optimizer in steps.optimizers.items():

        def spy(name: str = name, plain: Any = optimizer.step) -> None:
            before = weights(steps)
            plain()
            after = weights(steps)
            moved.append((name, [n for n in NAMES if not torch.equal(before[n], after[n])]))

        optimizer.step = spy
    steps(x)
    assert moved == [(name, [name]) for name in NAMES]


def test_the_double_step_moves_the_generator_twice_as_far_and_nothing_else_before(x):
    start, once, twice = weights(made()), made(), made(double_generator_step=True)
    once(x)
    twice(x)
    single = weights(once)["generator"] - start["generator"]
    torch.testing.assert_close(weights(twice)["generator"] - start["generator"], 2 * single)
    assert torch.equal(weights(twice)["encoder"], weights(once)["encoder"])


def test_the_first_step_of_encoder_and_generator_is_down_their_objective(x):
    steps = made(norm="none")
    seen = []
    steps.distance = lambda a, b: (seen.append((a, b)), nn.functional.l1_loss(a, b))[1]
    components = steps(x)
    fake, target = seen[0]
    assert torch.equal(target, 2 * x - 1)
    assert components["distance"] == pytest.approx(float((fake - target).detach().abs().mean()))


def test_amp_is_nearly_the_same_step_on_weights_that_stay_float32(x):
    plain, rounded = made(norm="none"), made(norm="none", amp=True)
    components = plain(x)
    assert rounded(x) == pytest.approx(components, rel=0.05, abs=0.02)
    assert rounded.components != components
    assert {p.dtype for network in rounded.networks.values() for p in network.parameters()} == {torch.float32}
    moved = {name: (weights(rounded)[name] - weights(plain)[name]).abs().max() for name in NAMES}
    assert max(moved.values()) < 1e-2


@pytest.mark.parametrize("amp", [False, True])
def test_amp_is_for_every_pass_of_every_network_and_for_nothing_else(x, amp):
    steps, seen = made(norm="none", amp=amp), []
    for name, network in steps.networks.items():
        network.register_forward_pre_hook(
            lambda *_, n=name: seen.append((n, torch.is_autocast_enabled("cpu")))
        )
    distance = steps.distance
    steps.distance = lambda a, b: (seen.append(("loss", torch.is_autocast_enabled("cpu"))), distance(a, b))[1]
    steps(x)
    counts = {name: sum(n == name for n, _ in seen) for name in NAMES}
    # Critics: the update of the autoencoder, real and fake images, points between them.
    assert counts == {"encoder": 2, "generator": 4, "critic": 2 + 3 + 2, "code_critic": 1 + 2 + 1}
    assert {under for name, under in seen if name != "loss"} == {amp}
    assert ("loss", False) in seen


def test_without_normalisation_joint_batches_are_the_same_step(x):
    one, other = made(norm="none"), made(norm="none", joint_batches=True)
    for _ in range(2):
        components = one(x)
        assert other(x) == pytest.approx(components, rel=1e-4, abs=1e-6)


def test_joint_batches_normalise_reconstructions_and_samples_together(x):
    sizes = []
    steps = made(joint_batches=True)
    steps.networks["generator"].register_forward_hook(lambda _m, given, _y: sizes.append(len(given[0])))
    steps(x)
    assert sizes == [6, 6]


def test_the_critic_learns_from_images_reconstructions_and_samples(x):
    steps, seen = made(norm="none"), []
    steps.networks["critic"].register_forward_pre_hook(lambda _m, given: seen.append(given[0].detach()))
    steps(x)
    _, _, images, reconstructions, samples, *_ = seen  # behind those of the autoencoder's update
    network = steps.autoencoder
    assert torch.equal(images, 2 * x - 1)
    torch.testing.assert_close(reconstructions, network.generator(network.encoder(2 * x - 1)).detach())
    assert not torch.allclose(samples, reconstructions)


def test_steps_taken_up_again_end_with_the_same_bits(x):
    whole, first, second = (made(torch.optim.Adam) for _ in range(3))
    for _ in range(4):
        whole(x)
    for _ in range(2):
        first(x)
    stored = io.BytesIO()
    torch.save(first.state_dict(), stored)
    stored.seek(0)
    second.load_state_dict(torch.load(stored, weights_only=True))
    for _ in range(2):
        second(x)
    ends = [weights(steps) for steps in (whole, second)]
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in NAMES)
    assert second.n_steps == 4


def test_another_seed_draws_other_codes(x):
    found = [made(seed=seed)(x)["critic"] for seed in (0, 0, 1)]
    assert found[0] == found[1] != found[2]


def test_another_step_draws_other_codes(x):
    steps = made(norm="none")
    for optimizer in steps.optimizers.values():
        optimizer.param_groups[0]["lr"] = 0.0
    first, second = dict(steps(x)), dict(steps(x))
    assert first["distance"] == second["distance"]
    assert first["critic"] != second["critic"]


def test_images_are_cut_to_the_range_of_the_generator(x):
    found = [made(norm="none")(images) for images in (x.round(), 9 * x.round() - 4)]
    assert found[0] == found[1]


def test_a_critic_goes_down_its_penalties_by_their_weight(x):
    ends, penalties = [], []
    for weight in (0.0, 1.0, 7.0):
        steps = made(norm="none", lambda_gp=weight)
        penalties.append(steps(x)["critic"])
        ends.append(weights(steps)["critic"])
    # One step of plain descent is linear in the weight, and so is what is minimised.
    torch.testing.assert_close(ends[2] - ends[0], 7 * (ends[1] - ends[0]), rtol=1e-3, atol=1e-6)
    assert penalties[2] - penalties[0] == pytest.approx(7 * (penalties[1] - penalties[0]), rel=1e-3)
    assert not torch.equal(ends[1], ends[0])


def test_a_step_leaves_all_networks_ready_to_learn(x):
    steps = made()
    steps(x)
    assert all(p.requires_grad for network in steps.networks.values() for p in network.parameters())


def test_a_critic_learns_to_tell_images_from_what_a_resting_generator_makes(x):
    steps = made(torch.optim.Adam, norm="none")
    for name in ("encoder", "generator"):
        steps.optimizers[name].param_groups[0]["lr"] = 0.0
    distances = [steps(torch.ones_like(x))["critic_distance"] for _ in range(15)]
    assert distances[-1] > distances[0] + 1


def test_optimisers_of_other_networks_are_refused():
    steps = made()
    with pytest.raises(ValueError, match="optimizers="):
        AlphaWGANSteps(
            steps.autoencoder,
            steps.networks["critic"],
            steps.networks["code_critic"],
            optimizers={"encoder": steps.optimizers["encoder"]},
            distance=nn.L1Loss(),
        )


def _meet(work: Any, rank: int, port: int, answers: Any) -> None:
    torch.set_num_threads(1)
    meeting = f"tcp://127.0.0.1:{port}"
    torch.distributed.init_process_group("gloo", init_method=meeting, rank=rank, world_size=2)
    answers.put(work(rank))
    torch.distributed.destroy_process_group()


def in_two_processes(work: Any) -> list[Any]:
    """What a function of the rank gives in each of two processes that have met, in any order."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    children = [context.Process(target=_meet, args=(work, rank, port, answers)) for rank in range(2)]
    for child in children:
        child.start()
    said = [answers.get(timeout=120) for _ in children]
    for child in children:
        child.join()
    return said


def test_two_processes_share_weights_and_the_mean_of_their_gradients():
    def work(rank: int) -> list[Any]:
        torch.manual_seed(rank)
        network = nn.Linear(2, 1)
        share_weights(network)
        network(torch.tensor([[1.0, 2.0]]) * (rank + 1)).sum().backward()
        average_gradients(network)
        return [value.tolist() for value in (network.weight, network.weight.grad, network.bias.grad)]

    said = in_two_processes(work)
    assert said[0] == said[1]
    assert said[0][1:] == [[[1.5, 3.0]], [1.0]]


def test_two_processes_begin_with_equal_weights_and_draw_codes_of_their_own(x):
    def work(rank: int) -> tuple[dict[str, list[float]], float]:
        steps = made(norm="none", begin=rank)
        return {name: values.tolist() for name, values in weights(steps).items()}, steps(x)["critic"]

    (first, one), (second, other) = in_two_processes(work)
    assert first == second
    assert one != other  # of equal images


def test_two_processes_with_equal_draws_take_the_steps_of_one_with_twice_the_batch(generator):
    x = torch.rand(4, 1, 16, 16, 16, generator=generator)

    def stepped(steps: AlphaWGANSteps, batch: torch.Tensor) -> dict[str, list[float]]:
        for _ in range(2):
            steps(batch)
        return {name: values.tolist() for name, values in weights(steps).items()}

    def work(rank: int) -> dict[str, list[float]]:
        def own(draw: Any) -> Any:
            return lambda shape, **options: draw((2 * shape[0], *shape[1:]), **options).chunk(2)[rank]

        # This process ends with the function: the first one's seed, and its rows of what one would draw.
        torch.distributed.get_rank = lambda: 0
        torch.rand, torch.randn = own(torch.rand), own(torch.randn)
        return stepped(made(norm="none"), x.chunk(2)[rank])

    said, one = in_two_processes(work), stepped(made(norm="none"), x)
    assert said[0] == said[1]
    for name in NAMES:
        torch.testing.assert_close(said[0][name], one[name], rtol=1e-4, atol=1e-6)
