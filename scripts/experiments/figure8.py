"""Figure 8 of the paper: one network for all images against a deep image prior for each, over sparsity.

    python scripts/experiments/figure8.py --data slices --brains FOLDER --ckpt weights.pt --n 5
    python scripts/experiments/figure8.py --data mnist2 --mnist FOLDER --ckpt weights.pt --train 1500

``--ckpt`` holds a ``SparseVAE`` of the variant ``conv_sparse``; where there is no such file yet, ``--train``
is the number of steps of a training with images of all the sparsities, which writes it. The deep image prior
is the same decoder with random weights, fitted to the observed pixels of one image at a time: once as in the
paper (1000 steps, no pixel kept back), once until pixels that were kept back are explained worse. Test
images are of other digits or other subjects. Writes ``figure8.csv``, ``figure8.md`` and, with the extra
``bench``, ``figure8.png``; an image that is in the table already is not computed again.
"""

import argparse
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from figure5 import DATA, kind_of, load, settings_of
from figure8_report import draw, report
from fitting import predict, squared_errors, train
from images import Images, Observed, observe
from methods import build
from tables import Cell, append_cell, read_cells
from torch import Tensor, nn

from mrrecon.files import atomic_path
from mrrecon.networks import SparseVAE
from mrrecon.operators import inpainting
from mrrecon.solvers import deep_image_prior

SPARSITIES = (50, 75, 83, 90, 95, 99)
METHODS = ("conv_sparse", "prior", "prior, stopped early")


def main() -> None:
    """Computes what is missing, and reports."""
    options = _options()
    torch.set_num_threads(options.threads)
    options.kl_weight, options.n_patches = 1.0, [3000, 300, max(options.n, 10)]
    split = load(options.data, options)
    network = _network(split.training, options)
    path = options.output / "figure8.jsonl"
    done = {(cell["data"], cell["sparsity"], cell["method"], cell["image"]) for cell in read_cells(path)}
    test = split.test.some(options.n, options.seed)
    for sparsity in options.sparsity:
        observed = observe(test, sparsity=sparsity, kind=kind_of(options.data), seed=options.seed + sparsity)
        for image in range(len(test.x)):
            for method in METHODS:
                if (options.data, sparsity, method, image) in done:
                    continue
                cell = _cell(method, observed, image, test.x[image], network, options)
                place = {"data": options.data, "sparsity": sparsity, "method": method, "image": image}
                append_cell(path, {**place, **cell})
                print(f"{sparsity} %, image {image}, {method}: {cell}", flush=True)
    cells = [cell for cell in read_cells(path) if cell["data"] == options.data]
    text = report(cells, METHODS)
    with atomic_path(options.output / "figure8.md") as temporary:
        temporary.write_text(text + "\n")
    draw(cells, METHODS, options.output / "figure8.png")
    print(text)


def _network(training: Images, options: argparse.Namespace) -> SparseVAE:
    """Trained network, from its file or by a training."""
    settings = settings_of(options.data, options)
    if options.ckpt.is_file():
        return load_network(options.ckpt)
    if not options.train:
        raise FileNotFoundError(f"{options.ckpt} does not exist: give weights, or --train and their steps")
    recipe = replace(settings.recipe, steps=options.train)
    network = build("conv_sparse", tuple(training.x.shape[1:]), settings)
    assert isinstance(network, SparseVAE)
    kind = kind_of(options.data)
    observed = observe(training, sparsity=options.sparsity, kind=kind, seed=options.seed + 1)
    train(network, observed, recipe=recipe, kind=kind)
    with atomic_path(options.ckpt) as temporary:
        torch.save(network.state_dict(), temporary)
    return network


def load_network(path: Path) -> SparseVAE:
    """A ``conv_sparse`` of two axes from its weights, whose sizes say its own.

    Raises:
        ValueError: the file holds the weights of another network.
    """
    state = torch.load(path, weights_only=True, map_location="cpu")
    try:
        channels, n_latents = _sizes(state)
    except KeyError as error:
        raise ValueError(
            f"{path} holds no weights of a SparseVAE 'conv_sparse': {error} is missing"
        ) from error
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


def _cell(
    method: str,
    observed: Observed,
    image: int,
    truth: Tensor,
    network: SparseVAE,
    options: argparse.Namespace,
) -> Cell:
    """Errors of one image, and seconds."""
    one = Observed(observed.y[image : image + 1], observed.mask[image : image + 1])
    start = time.perf_counter()
    if method == "conv_sparse":
        pred = predict(network, one, n_draws=options.n_draws, seed=options.seed)
        averaged = time.perf_counter() - start
        start = time.perf_counter()
        with torch.no_grad():
            network(torch.stack([one.y, one.mask], 1))
        # The time of one pass, as the paper's, stands beside that of all draws.
        seconds = {"seconds": time.perf_counter() - start, "seconds_of_draws": averaged}
    else:
        pred = _prior(one, network, early=method != "prior", seed=options.seed + image, options=options)
        seconds = {"seconds": time.perf_counter() - start}
    everywhere, missing = squared_errors(pred, truth[None], one.mask)
    return {"all": float(everywhere), "missing": float(missing), **seconds}


def _prior(one: Observed, like: SparseVAE, *, early: bool, seed: int, options: argparse.Namespace) -> Tensor:
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
        max_iterations=options.iterations,
        learning_rate=options.prior_lr,
        # As in the paper: the code stays as it is, and the last image counts.
        input_noise=0.03 if early else 0.0,
        averaging=0.99 if early else 0.0,
        held_out=kept_back,
        generator=generator,
    )
    return pred[:, 0]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", choices=DATA, default="slices")
    parser.add_argument("--mnist", default="", help="folder of the digits' idx files")
    parser.add_argument("--fashion", default="", help="folder of Fashion-MNIST's idx files")
    parser.add_argument("--brains", default="", help="folder or list of scans of extracted brains")
    parser.add_argument("--ckpt", type=Path, required=True, help="weights of conv_sparse")
    parser.add_argument("--train", type=int, default=0, help="steps of a training that writes them")
    parser.add_argument("--output", type=Path, default=Path("output/figure8"))
    parser.add_argument("--sparsity", nargs="*", type=int, default=list(SPARSITIES), help="percent missing")
    parser.add_argument("--n", type=int, default=5, help="test images")
    parser.add_argument("--iterations", type=int, default=1000, help="of the deep image prior")
    parser.add_argument("--prior_lr", type=float, default=0.01, help="its learning rate")
    parser.add_argument("--steps", type=int, default=1500, help=argparse.SUPPRESS)
    parser.add_argument("--batch", type=int, default=64, help="of digits; a quarter of it of brains")
    parser.add_argument("--channels", type=int, default=16)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--sigma", type=float, default=0.03, help="noise of the network that is trained")
    parser.add_argument("--n_draws", type=int, default=10, help="completions averaged")
    parser.add_argument("--n_test", type=int, default=2000, help=argparse.SUPPRESS)
    parser.add_argument("--n_slices", nargs=3, type=int, default=[1050, 140, 100])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
