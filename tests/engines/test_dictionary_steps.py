import copy

import pytest
import torch

from mrrecon.engines import DictionarySteps
from mrrecon.networks import PatchDictionary


def stripes(n: int) -> torch.Tensor:
    """Images (n, 12, 12) whose patches of 4 x 4 are sums of two of eight patterns."""
    torch.manual_seed(0)
    patterns = torch.rand(8, 4, 4)
    code = torch.zeros(n, 3, 3, 8)
    code.scatter_(3, torch.rand(n, 3, 3, 8).topk(2, 3).indices, torch.rand(n, 3, 3, 2) + 0.5)
    return (code @ patterns.flatten(1)).unflatten(3, (4, 4)).permute(0, 1, 3, 2, 4).reshape(n, 12, 12)


def learned(seed: int = 0, n_steps: int = 60) -> tuple[PatchDictionary, list[float]]:
    torch.manual_seed(seed)
    network = PatchDictionary((4, 4), 12, n_nonzero=2, stride=4)
    steps = DictionarySteps(network, lr=0.2)
    y = stripes(60)
    mask = (torch.rand(60, 12, 12) < 0.7).float()
    x = torch.stack([torch.where(mask > 0, y, torch.nan), mask], 1)
    return network, [float(steps.fit(x)) for _ in range(n_steps)]


def test_learned_atoms_fill_holes_that_the_mean_does_not():
    network, errors = learned()
    y = stripes(80)[60:]
    mask = (torch.rand(20, 12, 12) < 0.7).float()
    made, missing = network(torch.stack([y * mask, mask], 1))[:, 0], mask == 0
    mean = network.mean.reshape(4, 4).repeat(3, 3).expand_as(y)
    assert float((made - y)[missing].square().mean()) < 0.5 * float((mean - y)[missing].square().mean())
    assert errors[-1] < 0.5 * errors[0]


def test_atoms_have_unit_length_and_the_same_seed_gives_the_same_ones():
    a, b = learned(3, 5)[0], learned(3, 5)[0]
    torch.testing.assert_close(a.atoms.norm(dim=0), torch.ones(12))
    assert torch.equal(a.atoms, b.atoms)


def test_a_run_goes_on_from_its_state():
    torch.manual_seed(0)
    x = torch.rand(4, 2, 12, 12).round(decimals=1)
    one, two = (PatchDictionary((4, 4), 6, n_nonzero=2, stride=2) for _ in range(2))
    first = DictionarySteps(one)
    first.fit(x)
    two.load_state_dict(one.state_dict())
    second = DictionarySteps(two)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    for steps in (first, second):
        torch.manual_seed(5)
        steps.fit(x)
    assert torch.equal(one.atoms, two.atoms)


def test_batches_of_the_past_fade_by_the_step_size():
    """Of the sum of patch times code a quarter is left when a batch comes whose codes are all zero."""
    torch.manual_seed(0)
    network = PatchDictionary((4, 4), 6, n_nonzero=2, stride=4)
    steps = DictionarySteps(network, lr=0.75)
    steps.fit(torch.cat([torch.rand(4, 1, 12, 12), torch.ones(4, 1, 12, 12)], 1))
    before = steps.state[network.atoms]["right"].clone()
    mean = network.mean.reshape(4, 4).repeat(3, 3).expand(4, 1, 12, 12)
    steps.fit(torch.cat([mean, torch.ones(4, 1, 12, 12)], 1))
    torch.testing.assert_close(steps.state[network.atoms]["right"], 0.25 * before)


def test_an_atom_that_nothing_uses_becomes_the_patch_explained_worst():
    network, _ = learned(n_steps=3)
    steps = DictionarySteps(network, lr=1.0)
    y, full = stripes(20)[:, None], torch.ones(20, 1, 12, 12)
    steps.fit(torch.cat([y, full], 1))
    with torch.no_grad():
        network.atoms[:, 0] = 0.0
    torch.manual_seed(0)
    patches, seen = network.patches(torch.cat([y, full], 1))
    rest = patches - network.mean
    left = rest - network.code(patches, seen) @ network.atoms.T
    worst = rest[left.square().sum(1).argmax()]
    steps.fit(torch.cat([y, full], 1))
    found = torch.nn.functional.normalize(rest, dim=1) @ network.atoms.detach()[:, 0]
    assert float(found.max()) == pytest.approx(1.0, abs=1e-4)
    assert int(found.argmax()) == int((rest - worst).square().sum(1).argmin())


@pytest.mark.parametrize(
    ("options", "said"),
    [({"lr": 0}, "lr=0"), ({"n_patches": 0}, "n_patches=0"), ({"observed": 1}, "observed=1")],
)
def test_impossible_steps_are_refused(options, said):
    with pytest.raises(ValueError, match=said):
        DictionarySteps(PatchDictionary((4, 4), 6, n_nonzero=2), **options)


def test_images_that_show_nothing_are_refused():
    with pytest.raises(ValueError, match="no patch of the batch"):
        DictionarySteps(PatchDictionary((4, 4), 6, n_nonzero=2)).fit(torch.zeros(1, 2, 12, 12))
