"""Which scan comes when in training, and with which random numbers: by seed and iteration alone."""

import signal
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch.distributed as dist
from ignite.engine import Engine, Events
from monai.data import CacheDataset
from monai.transforms import Compose
from torch.utils.data import Dataset, Sampler

__all__ = ["Draw", "DrawSampler", "SeededDataset", "ignore_interrupts"]


class Draw(NamedTuple):
    """One example of a training.

    Args:
        scan: which one of the list.
        number: how many examples came before it in the whole training; its random numbers follow from this.
    """

    scan: int
    number: int


class DrawSampler(Sampler[list[Draw]]):
    r"""Batches of a training without end, for the argument ``batch_sampler`` of a data loader.

    The scans come in a random order, all of them before any comes again. Draw number d is scan
    $\pi_{\lfloor d / n \rfloor}(d \bmod n)$, where each pass p has its permutation $\pi_p$ from the seed.
    Nothing is remembered, so that a training can go on from any iteration. Several processes take the draws
    in turn: two with batches of b see in each iteration what one process with batches of 2 b sees.

    In the ``handlers`` of a trainer it keeps up with its iterations.

    Args:
        n_items: length of the list of scans.
        batch_size: scans a batch and process.
        epoch_length: batches an epoch.
        seed: another seed, another order.

    Raises:
        ValueError: a number is below 1.

    Example:
        >>> [[draw.scan for draw in batch] for batch in DrawSampler(3, batch_size=3, epoch_length=2, seed=0)]
        [[2, 0, 1], [2, 0, 1]]
    """

    def __init__(self, n_items: int, *, batch_size: int, epoch_length: int, seed: int) -> None:
        for name, value in (("n_items", n_items), ("batch_size", batch_size), ("epoch_length", epoch_length)):
            if value < 1:
                raise ValueError(f"{name}={value} must be at least 1")
        self.n_items = n_items
        self.batch_size = batch_size
        self.epoch_length = epoch_length
        self.seed = seed
        self.iteration = 0

    def attach(self, engine: Engine) -> None:
        """Let each epoch begin with the batch of the engine's iteration, also a half done one."""
        engine.add_event_handler(Events.EPOCH_STARTED, self._follow)

    def _follow(self, engine: Engine) -> None:
        self.iteration = engine.state.iteration

    def __len__(self) -> int:
        return self.epoch_length

    def __iter__(self) -> Iterator[list[Draw]]:
        """The batches from ``iteration`` to the end of its epoch."""
        rank, n_processes = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
        order, order_of = np.arange(0), -1
        end = (self.iteration // self.epoch_length + 1) * self.epoch_length
        for iteration in range(self.iteration, end):
            batch = []
            for place in range(self.batch_size):
                number = (iteration * self.batch_size + place) * n_processes + rank
                of_pass, position = divmod(number, self.n_items)
                if of_pass != order_of:
                    order = np.random.default_rng((self.seed, of_pass)).permutation(self.n_items)
                    order_of = of_pass
                batch.append(Draw(int(order[position]), number))
            yield batch


class SeededDataset(Dataset[Any]):
    """Scans and their transforms, the random numbers of each example from the seed and the example's number.

    Neither the process nor the worker that loads an example makes a difference, nor what was loaded before.
    An index without a number, as validation asks for, stands for its own number.

    Args:
        data: scans, as ``scan_list`` gives them.
        transform: from files to tensors.
        seed: another seed, other random numbers.
        cache_rate: share of the scans that is kept in memory after the transforms before the first random
            one.

    Example:
        >>> from monai.transforms import Compose, RandShiftIntensityd
        >>> shift = Compose([RandShiftIntensityd("image", offsets=1.0, prob=1.0)])
        >>> dataset = SeededDataset([{"image": np.zeros((1, 1))}], shift, seed=0)
        >>> bool(dataset[Draw(0, 5)]["image"] == dataset[Draw(0, 5)]["image"])
        True
        >>> bool(dataset[Draw(0, 5)]["image"] == dataset[Draw(0, 6)]["image"])
        False
    """

    def __init__(
        self,
        data: Sequence[Mapping[str, Any]],
        transform: Compose,
        *,
        seed: int,
        cache_rate: int | float = 0.0,
    ) -> None:
        self.seed = seed
        self.transform = transform
        # Keyed by a hash: a list that names one file many times keeps it once.
        self.scans = CacheDataset(
            list(data),
            transform,
            cache_rate=cache_rate,
            copy_cache=False,
            progress=len(data) > 1,
            hash_as_key=True,
        )

    def __len__(self) -> int:
        return len(self.scans)

    def __getitem__(self, draw: Draw | int) -> Any:
        """The example of a draw."""
        index, number = draw if isinstance(draw, tuple) else (draw, draw)
        self.transform.set_random_state(int(np.random.SeedSequence((self.seed, number)).generate_state(1)[0]))
        return self.scans[index]


def ignore_interrupts(worker: int) -> None:  # noqa: ARG001 - the interface of worker_init_fn
    """Leave Ctrl-C, which a terminal sends to all processes, to the process that trains.

    Args:
        worker: number of the worker of a data loader.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
