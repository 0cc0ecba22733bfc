"""Figure 8 of the paper: one network for all images against a deep image prior for each, over sparsity.

    RUN="python -m monai.bundle run --config_file scripts/experiments/figure8.json"
    $RUN --data slices --brains FOLDER --ckpt weights.pt --n 5
    $RUN --data mnist2 --mnist FOLDER --ckpt weights.pt --train 1500

``--ckpt`` holds a ``SparseVAE`` of the variant ``conv_sparse``; where there is no such file yet, ``--train``
is the number of steps of a training with images of all the sparsities, which writes it. The deep image prior
is the same decoder with random weights, fitted to the observed pixels of one image at a time: once as in the
paper (1000 steps, no pixel kept back), once until pixels that were kept back are explained worse. Test
images are of other digits or other subjects. Writes ``figure8.jsonl``, ``figure8.md`` and, with the extra
``bench``, ``figure8.png``; an image that is in the table already is not computed again.
"""

import itertools
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from mrrecon.files import atomic_path
from mrrecon.handlers import read_state
from mrrecon.networks import SparseVAE
from mrrecon.operators import inpainting
from mrrecon.solvers import deep_image_prior
from mrrecon.threads import torch_threads
from scripts.experiments.data_sets import DATA, DataSets, kind_of, settings_for
from scripts.experiments.figure8_report import draw, report
from scripts.experiments.fitting import predict, squared_errors, train
from scripts.experiments.images import Images, Observed, observe
from scripts.experiments.methods import Settings, build
from scripts.experiments.options import PERCENT, ListOf, OneOf, Real, Text, Whole, check
from scripts.experiments.tables import Cell, append_cell, read_cells

METHODS = ("conv_sparse", "prior", "prior, stopped early")


@dataclass(frozen=True, kw_only=True)
class Figure8:
    """The figure: images of one data set at several sparsities.

    Args:
        data_sets: where they lie.
        settings: sizes and budget of the network that is trained, for digits; its steps are ``train``.
        data: name of the data set.
        ckpt: file of the weights of ``conv_sparse``.
        train: steps of a training that writes them, where there is no such file; 0 for none.
        output_dir: folder of what is written.
        sparsity: what is missing, in percent.
        n: test images.
        iterations: of the deep image prior.
        prior_lr: its learning rate.
        threads: of torch.
        seed: of choice, masks and random weights.

    Raises:
        ValueError: an option is not what it may be.
    """

    data_sets: DataSets
    settings: Settings
    data: str
    ckpt: str
    train: int
    output_dir: str
    sparsity: Sequence[int]
    n: int
    iterations: int
    prior_lr: float
    threads: int
    seed: int

    def __post_init__(self) -> None:
        check(
            self,
            data=OneOf(DATA),
            ckpt=Text("weights.pt"),
            train=Whole(0),
            output_dir=Text("output/figure8"),
            sparsity=ListOf(PERCENT, "[50, 75, 90]"),
            n=Whole(),
            iterations=Whole(),
            prior_lr=Real(),
            threads=Whole(),
            seed=Whole(0),
        )

    def run(self) -> None:
        """Computes what is missing, and reports.

        Raises:
            FileNotFoundError: there are no images or no weights where they should be.
            ValueError: the data was not given, or it or the weights will not do.
        """
        if not self.train and not Path(self.ckpt).is_file():
            raise FileNotFoundError(f"{self.ckpt} does not exist: give weights, or --train and their steps")
        folder = Path(self.output_dir)
        with torch_threads(self.threads):
            self._complete(folder / "figure8.jsonl")
        cells = [cell for cell in read_cells(folder / "figure8.jsonl") if cell["data"] == self.data]
        text = report(cells, METHODS)
        with atomic_path(folder / "figure8.md") as temporary:
            temporary.write_text(text + "\n")
        draw(cells, METHODS, folder / "figure8.png")
        print(text)

    def _complete(self, path: Path) -> None:
        """Computes the images that are not in the table yet."""
        first = self.data_sets.n_patches[:2]
        split = replace(self.data_sets, n_patches=[*first, max(self.n, 10)]).load(self.data)
        network = self._network(split.training)
        done = {(cell["data"], cell["sparsity"], cell["method"], cell["image"]) for cell in read_cells(path)}
        test = split.test.some(self.n, self.seed)
        for sparsity in self.sparsity:
            observed = observe(test, sparsity=sparsity, kind=kind_of(self.data), seed=self.seed + sparsity)
            for image, method in itertools.product(range(len(test.x)), METHODS):
                if (self.data, sparsity, method, image) in done:
                    continue
                cell = self._cell(method, observed, image, test.x[image], network)
                place = {"data": self.data, "sparsity": sparsity, "method": method, "image": image}
                append_cell(path, {**place, **cell})
                print(f"{sparsity} %, image {image}, {method}: {cell}", file=sys.stderr, flush=True)

    def _network(self, training: Images) -> SparseVAE:
        """Trained network, from its file or by a training."""
        path = Path(self.ckpt)
        if path.is_file():
            return load_network(path)
        settings = settings_for(self.data, self.settings)
        network = build("conv_sparse", tuple(training.x.shape[1:]), settings)
        assert isinstance(network, SparseVAE)
        kind = kind_of(self.data)
        observed = observe(training, sparsity=self.sparsity, kind=kind, seed=self.seed + 1)
        train(network, observed, recipe=replace(settings.recipe, steps=self.train), kind=kind)
        with atomic_path(path) as temporary:
            torch.save(network.state_dict(), temporary)
        return network

    def _cell(self, method: str, observed: Observed, image: int, truth: Tensor, network: SparseVAE) -> Cell:
        """Errors of one image, and seconds."""
        one = Observed(observed.y[image : image + 1], observed.mask[image : image + 1])
        start = time.perf_counter()
        if method == "conv_sparse":
            pred = predict(network, one, n_draws=self.settings.n_draws, seed=self.seed)
            averaged = time.perf_counter() - start
            start = time.perf_counter()
            with torch.no_grad():
                network(torch.stack([one.y, one.mask], 1))
            # The time of one pass, as the paper's, stands beside that of all draws.
            seconds = {"seconds": time.perf_counter() - start, "seconds_of_draws": averaged}
        else:
            pred = self._prior(one, network, early=method != "prior", seed=self.seed + image)
            seconds = {"seconds": time.perf_counter() - start}
        everywhere, missing = squared_errors(pred, truth[None], one.mask)
        return {"all": float(everywhere), "missing": float(missing), **seconds}

    def _prior(self, one: Observed, like: SparseVAE, *, early: bool, seed: int) -> Tensor:
        """Image (1, height, width) of a prior fitted to what was observed of it."""
        shape = tuple(one.y.shape[1:])
        if not bool(one.y.any()):
            # Of a digit of which no lit pixel was observed there is nothing to fit but zeros.
            return torch.zeros_like(one.y)
        prior = DecoderOnly(like, shape, seed)
        generator = torch.Generator().manual_seed(seed)
        kept_back = 0.1 if early and float(one.mask.sum()) >= 20 else 0.0
        pred, _ = deep_image_prior(
            inpainting(one.mask[0] > 0),
            one.y[None],
            prior,
            shape=shape,
            code=torch.randn(prior.code_shape, generator=generator),
            max_iterations=self.iterations,
            learning_rate=self.prior_lr,
            # As in the paper: the code stays as it is, and the last image counts.
            input_noise=0.03 if early else 0.0,
            averaging=0.99 if early else 0.0,
            held_out=kept_back,
            generator=generator,
        )
        return pred[:, 0]


def load_network(path: Path) -> SparseVAE:
    """A ``conv_sparse`` of two axes from its weights, whose sizes say its own.

    Raises:
        ValueError: the file is no checkpoint, or holds the weights of another network.
    """
    state = read_state(path)
    try:
        channels, n_latents = _sizes(state)
    except KeyError as error:
        said = f"{path} holds no weights of a SparseVAE 'conv_sparse': {error} is missing"
        raise ValueError(said) from None
    network = SparseVAE(2, channels=channels, n_latents=n_latents)
    network.load_state_dict(state)
    return network.eval()


def _sizes(state: Mapping[str, Tensor]) -> tuple[list[int], int]:
    """Features of each level, and channels of the code."""
    names = [f"encoder.blocks.{level}.conv1.weight" for level in range(len(state))]
    n_latents = len(state["bottleneck.to_mean.weight"])
    return [len(state[name]) for name in names if name in state], n_latents


class DecoderOnly(nn.Module):
    """The decoder of a network like another, with random weights: image of a code."""

    def __init__(self, like: SparseVAE, shape: tuple[int, ...], seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        channels, n_latents = _sizes(like.state_dict())
        whole = SparseVAE(2, channels=channels, n_latents=n_latents)
        self.bottleneck, self.decoder, self.shape = whole.bottleneck, whole.decoder, shape
        self.code_shape = (1, n_latents, *(-(-n // whole.multiple) for n in shape))

    def forward(self, z: Tensor) -> Tensor:
        """Image (1, 1, *shape)."""
        image: Tensor = self.decoder(self.bottleneck.decode(z))
        return image[..., : self.shape[0], : self.shape[1]]
