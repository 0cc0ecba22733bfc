from collections import Counter

import numpy as np
import pytest
import torch
from ignite.engine import Engine
from monai.transforms import Compose, RandGaussianNoised, RandSpatialCropd

from mrrecon.data import Draw, DrawSampler, SeededDataset
from mrrecon.data import draws as module


def sampler(n_items: int = 5, *, batch_size: int = 2, epoch_length: int = 4, seed: int = 0) -> DrawSampler:
    return DrawSampler(n_items, batch_size=batch_size, epoch_length=epoch_length, seed=seed)


def epochs(of: DrawSampler, count: int) -> list[list[Draw]]:
    batches = []
    for epoch in range(count):
        of.iteration = epoch * of.epoch_length
        batches += list(of)
    return batches


def test_every_scan_comes_once_before_any_comes_again() -> None:
    indices = [draw.scan for batch in epochs(sampler(), 5) for draw in batch]
    passes = [Counter(indices[start : start + 5]) for start in range(0, len(indices), 5)]
    assert all(counts == Counter(range(5)) for counts in passes)


def test_each_example_of_a_training_has_its_number() -> None:
    assert [draw.number for batch in epochs(sampler(), 3) for draw in batch] == list(range(24))


def test_a_sampler_set_into_an_epoch_gives_its_rest() -> None:
    whole, rest = sampler(), sampler()
    rest.iteration = 6
    assert list(rest) == epochs(whole, 2)[6:]


def test_two_processes_see_the_batches_of_one_with_twice_their_size(monkeypatch: pytest.MonkeyPatch) -> None:
    one = list(sampler(batch_size=4))
    monkeypatch.setattr(module.dist, "is_initialized", lambda: True)
    monkeypatch.setattr(module.dist, "get_world_size", lambda: 2)
    ranks = []
    for rank in (0, 1):
        monkeypatch.setattr(module.dist, "get_rank", lambda rank=rank: rank)
        ranks.append(list(sampler(batch_size=2)))
    assert [sorted(a + b) for a, b in zip(*ranks, strict=True)] == [sorted(batch) for batch in one]


def test_another_seed_gives_another_order() -> None:
    assert list(sampler(50, seed=0)) != list(sampler(50, seed=1))


def test_an_engine_finds_its_place_in_a_half_done_epoch() -> None:
    seen: list[list[Draw]] = []
    engine = Engine(lambda _, batch: seen.append(batch))
    batches = sampler()
    batches.attach(engine)
    engine.load_state_dict({"iteration": 6, "epoch_length": 4, "max_epochs": 3})
    engine.run(batches)
    assert seen == epochs(sampler(), 3)[6:]


@pytest.mark.parametrize("name", ["n_items", "batch_size", "epoch_length"])
def test_a_sampler_of_nothing_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}=0"):
        sampler(**{name: 0})


@pytest.fixture
def dataset() -> SeededDataset:
    noise = Compose([RandSpatialCropd("image", 3, random_size=False), RandGaussianNoised("image", prob=1.0)])
    data = [{"image": torch.arange(1000.0).reshape(1, 10, 10, 10) * (1 + i)} for i in range(3)]
    return SeededDataset(data, noise, seed=0, cache_rate=1.0)


def test_an_example_depends_on_its_number_alone(dataset: SeededDataset) -> None:
    first = dataset[Draw(1, 7)]["image"]
    _ = dataset[Draw(0, 8)], np.random.rand(), torch.rand(1)  # noqa: NPY002
    assert torch.equal(dataset[Draw(1, 7)]["image"], first)
    assert not torch.equal(dataset[Draw(1, 10)]["image"], first)


def test_workers_make_no_difference(dataset: SeededDataset) -> None:
    def images(n_workers: int) -> list[torch.Tensor]:
        loader = torch.utils.data.DataLoader(
            dataset, batch_sampler=sampler(3), num_workers=n_workers, worker_init_fn=module.ignore_interrupts
        )
        return [batch["image"].as_subclass(torch.Tensor) for batch in loader]

    assert all(torch.equal(a, b) for a, b in zip(images(0), images(2), strict=True))


def test_one_file_named_often_is_kept_once() -> None:
    dataset = SeededDataset([{"image": torch.zeros(1)}] * 5, Compose([]), seed=0, cache_rate=1.0)
    assert len(dataset) == 5
    assert len(dataset.scans._cache) == 1
