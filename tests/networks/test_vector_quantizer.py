"""The quantiser against brute force, formulas, and itself in two processes."""

import math
import subprocess
import sys

import pytest
import torch

from mrrecon.networks import EMAVectorQuantizer, nearest_code, perplexity

# Two processes with halves of each batch; their codebook goes to a file.
WORKER = """
import sys, torch, torch.distributed as dist
from mrrecon.networks import EMAVectorQuantizer
rank, size, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
torch.set_num_threads(1)
if size > 1:
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=size)
generator = torch.Generator().manual_seed(0)
quantizer = EMAVectorQuantizer(16, 3, decay=0.9).train()
for step in range(20):
    batch = torch.randn(4, 3, 4, 4, 4, generator=generator) + 0.1 * step
    quantizer(batch.chunk(size)[rank])
torch.save(quantizer.state_dict(), f"{folder}/{size}_{rank}.pt")
if size > 1:
    dist.destroy_process_group()
"""


def drifting(step: int, generator: torch.Generator, n_channels: int = 2) -> torch.Tensor:
    """Features whose mean wanders and whose spread grows, as in training."""
    z = torch.randn(2, n_channels, 8, 8, 8, generator=generator)
    return (0.5 + 0.005 * step) * z + 0.005 * step


@pytest.mark.parametrize("chunk", [1, 7, 4096])
@pytest.mark.parametrize("n_channels", [1, 2, 32])
def test_nearest_code_is_that_of_brute_force(chunk, n_channels):
    features, codebook = torch.randn(300, n_channels), torch.randn(50, n_channels)
    distance = (features.double()[:, None] - codebook.double()).square().sum(-1)
    assert torch.equal(nearest_code(features, codebook, chunk), distance.argmin(1))


def test_nearest_code_is_exact_far_from_the_origin():
    codebook = 1e4 + torch.arange(50.0)[:, None] / 64
    features = codebook[torch.randint(50, (1000,))] + 0.4 / 64 * torch.rand(1000, 1)
    distance = (features.double()[:, None] - codebook.double()).square().sum(-1)
    assert torch.equal(nearest_code(features, codebook), distance.argmin(1))


def test_codes_are_decoded_to_the_rows_of_the_codebook():
    quantizer = EMAVectorQuantizer(16, 3).eval()
    codes = torch.randint(16, (2, 4, 5, 6))
    z = quantizer.decode(codes)
    assert torch.equal(z, quantizer.codebook[codes].permute(0, 4, 1, 2, 3))
    assert torch.equal(quantizer.encode(z), codes)
    assert torch.equal(quantizer(z), z)


def test_after_one_step_each_code_is_the_mean_of_its_vectors():
    quantizer = EMAVectorQuantizer(8, 2, dead_below=0)
    z = torch.randn(2, 2, 6, 6, 6)
    quantizer.train()
    _, _, indices = quantizer.quantise(z)
    vectors = z.movedim(1, -1).double()
    for k in indices.unique().tolist():
        torch.testing.assert_close(
            quantizer.codebook[k].double(), vectors[indices == k].mean(0), rtol=1e-5, atol=1e-6
        )
    counts = torch.bincount(indices.flatten(), minlength=8)
    torch.testing.assert_close(quantizer.ema_count, 0.01 * counts)


def test_codebook_is_the_average_with_exponential_weights():
    quantizer = EMAVectorQuantizer(2, 1, decay=0.5, dead_below=0).train()
    quantizer.codebook.copy_(torch.tensor([[-2.0], [2.0]]))
    quantizer.initialised.fill_(True)
    batches = [
        torch.tensor([-1.0, 1.0, 3.0]),
        torch.tensor([-2.0, 2.0, 2.0]),
        torch.tensor([-3.0, -1.0, 4.0]),
    ]
    for batch in batches:
        quantizer(batch[None, None, :, None, None])
    # Weights 1/4, 1/2, 1 of the three steps; the sign is the code.
    low = (0.25 * -1 + 0.5 * -2 + 1 * -4) / (0.25 * 1 + 0.5 * 1 + 1 * 2)
    high = (0.25 * 4 + 0.5 * 4 + 1 * 4) / (0.25 * 2 + 0.5 * 2 + 1 * 1)
    assert quantizer.codebook.flatten().tolist() == pytest.approx([low, high])


def test_codebook_starts_with_the_mean_and_covariance_of_the_data():
    quantizer = EMAVectorQuantizer(4096, 2)
    root = torch.tensor([[2.0, 0.0], [0.9, 0.1]])
    z = (torch.randn(20_000, 2) @ root.t() + torch.tensor([5.0, -3.0])).t().reshape(1, 2, 20, 25, 40)
    quantizer._start_from(z)
    assert quantizer.codebook.mean(0).tolist() == pytest.approx([5, -3], abs=0.15)
    torch.testing.assert_close(quantizer.codebook.t().cov(), root @ root.t(), rtol=0.1, atol=0.05)
    assert bool(quantizer.initialised)


def test_codes_stay_within_the_data_while_it_drifts(generator):
    quantizer = EMAVectorQuantizer(64, 2).train()
    for step in range(60):
        z = drifting(step, generator)
        quantizer(z)
        assert float(quantizer.codebook.abs().max()) < 1.5 * max(float(z.abs().max()), 1)


@pytest.mark.parametrize("start", ["of its own", "far away"])
def test_dead_codes_come_back_to_life(start, generator):
    quantizer = EMAVectorQuantizer(64, 2).train()
    if start == "far away":
        quantizer.codebook.fill_(100.0)
        quantizer.initialised.fill_(True)
    for step in range(100):
        _, _, indices = quantizer.quantise(drifting(step, generator))
    assert len(indices.unique()) >= 60
    assert quantizer.perplexity() > 32


def test_revival_keeps_the_vectors_and_their_sum(generator):
    quantizer = EMAVectorQuantizer(16, 2).train()
    quantizer.codebook[8:] = 1000.0
    quantizer.initialised.fill_(True)
    z = drifting(0, generator)
    quantizer(z)
    assert float(quantizer.ema_count.sum()) == pytest.approx(0.01 * z[:, 0].numel(), rel=1e-5)
    torch.testing.assert_close(quantizer.ema_sum.sum(0), 0.01 * z.sum((0, 2, 3, 4)), rtol=1e-4, atol=1e-5)
    for step in range(1, 5):
        quantizer(drifting(step, generator))
    assert float(quantizer.codebook.abs().max()) < 2


def test_equal_vectors_are_not_split():
    for value in (0.1, 0.3, 0.7, 1.1):
        quantizer = EMAVectorQuantizer(8, 2).train()
        quantizer(torch.full((1, 2, 3, 3, 3), value))
        assert int((quantizer.ema_count > 0).sum()) == 1


def test_gradient_passes_straight_through():
    quantizer = EMAVectorQuantizer(4, 2, commitment=0.5).train()
    z = torch.randn(1, 2, 3, 3, 3, requires_grad=True)
    quantised, commitment, indices = quantizer.quantise(z)
    assert torch.autograd.grad(quantised.sum(), z, retain_graph=True)[0].unique().tolist() == [1]
    # The codes before the update are those that the loss saw.
    expected = 0.5 * 2 * (z - quantised) / z.numel()
    torch.testing.assert_close(torch.autograd.grad(commitment, z)[0], expected)
    assert indices.shape == (1, 3, 3, 3)


def test_evaluation_changes_nothing():
    quantizer = EMAVectorQuantizer(4, 2).eval()
    before = {name: value.clone() for name, value in quantizer.state_dict().items()}
    quantizer(torch.randn(1, 2, 3, 3, 3))
    quantizer.quantise(torch.randn(1, 2, 3, 3, 3))
    assert all(torch.equal(value, before[name]) for name, value in quantizer.state_dict().items())


@pytest.mark.parametrize("counts", [[1, 1, 1, 1], [5, 0, 0, 0], [1, 2, 3, 4]])
def test_perplexity_is_the_exponential_of_the_entropy(counts):
    p = [count / sum(counts) for count in counts if count]
    assert perplexity(torch.tensor(counts)) == pytest.approx(math.prod(q**-q for q in p))
    assert perplexity(torch.zeros(4)) == 1


def test_two_processes_with_halves_hold_the_codebook_of_one_with_the_whole(tmp_path):
    def start(rank: int, size: int) -> subprocess.Popen:
        command = [sys.executable, "-c", WORKER, str(rank), str(size), str(tmp_path)]
        return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)

    for process in [start(0, 2), start(1, 2), start(0, 1)]:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
    one, first, second = (torch.load(tmp_path / name) for name in ("1_0.pt", "2_0.pt", "2_1.pt"))
    assert all(torch.equal(first[name], second[name]) for name in first)
    for name in one:
        torch.testing.assert_close(first[name], one[name], rtol=1e-4, atol=1e-5)


def test_scripted_quantiser_is_the_eager_one():
    quantizer = EMAVectorQuantizer(16, 3).eval()
    z = torch.randn(1, 3, 4, 5, 6)
    assert torch.equal(torch.jit.script(quantizer)(z), quantizer(z))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((1, 2), "n_codes=1 must be 2 or more"), ((4, 0), "code_channels=0 1 or more")],
)
def test_wrong_sizes_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        EMAVectorQuantizer(*arguments)
