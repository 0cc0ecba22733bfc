"""Claim: sparse fully connected layers solve a batch in a fraction of the time of a loop, and fit volumes.

    python benchmarks/sparse_linear.py --batch 64 --features 784 --latents 10 --repeats 7

First table: ``SparseLinear`` (one batched Cholesky factorisation) against a loop over the samples with
``torch.linalg.lstsq`` and with a Cholesky factorisation each, and how far the coordinates differ. Second
table: numbers held by ``SparseLocallyLinear`` against those of one matrix over all of the features, for as
many coordinates, counted and in MiB of float32.
"""

import argparse
import math
import statistics

import torch
from measure import interleaved, ratio, without_spinning

from mrrecon.networks import SparseLinear, SparseLocallyLinear


def main() -> None:
    """Measures and prints two tables."""
    without_spinning()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batch", type=int, default=64, help="images at a time")
    parser.add_argument("--features", type=int, default=784, help="entries of an image")
    parser.add_argument("--latents", type=int, default=10, help="coordinates")
    parser.add_argument("--observed", type=float, default=0.25, help="part of the entries that is observed")
    parser.add_argument("--repeats", type=int, default=7, help="timed rounds")
    arguments = parser.parse_args()
    times(arguments)
    memory()


def times(arguments: argparse.Namespace) -> None:
    """Batch against loops."""
    torch.manual_seed(0)
    layer = SparseLinear(arguments.features, arguments.latents).requires_grad_(False)
    y = torch.randn(arguments.batch, arguments.features)
    mask = (torch.rand(y.shape) < arguments.observed).float()

    def by_lstsq() -> torch.Tensor:
        pairs = zip(y, mask > 0, strict=True)
        return torch.stack([torch.linalg.lstsq(layer.weight[o], x[o, None]).solution[:, 0] for x, o in pairs])

    def by_cholesky() -> torch.Tensor:
        codes = []
        for x, o in zip(y, mask > 0, strict=True):
            w = layer.weight[o].double()
            lower = torch.linalg.cholesky(w.T @ w)
            codes.append(torch.cholesky_solve(w.T @ x[o, None].double(), lower)[:, 0])
        return torch.stack(codes)

    candidates = {"mrrecon": lambda: layer(y, mask), "loop, Cholesky": by_cholesky, "loop, lstsq": by_lstsq}
    seconds = interleaved(candidates, repeats=arguments.repeats)
    expected = by_cholesky()
    print(f"{arguments.batch} images of {arguments.features} entries, {arguments.latents} coordinates")
    print(f"{'':16}{'ms':>9}{'x time':>9}{'difference':>12}")
    for name, candidate in candidates.items():
        off = float((candidate() - expected).norm() / expected.norm())
        milliseconds = 1e3 * statistics.median(seconds[name])
        print(f"{name:16}{milliseconds:9.2f}{ratio(seconds[name], seconds['mrrecon']):9.2f}{off:12.1e}")


def memory() -> None:
    """A layer per region against one over everything, with as many coordinates in all."""
    print(f"\n{'features':22}{'regions':>9}{'local, MiB':>12}{'dense, MiB':>14}{'part':>10}")
    for shape, region, channels, latents in (((10, 9), (5, 3), 32, 32), ((12, 12, 12), (4, 4, 4), 32, 64)):
        layer = SparseLocallyLinear(shape, channels, region, latents)
        local = sum(weight.numel() for weight in (layer.weight, layer.mean))
        n_regions = layer.weight.shape[0]
        entries = channels * math.prod(shape)
        dense = entries * latents * n_regions + entries
        sides = " x ".join(map(str, (channels, *shape)))
        print(f"{sides:22}{n_regions:9}{local / 2**18:12.2f}{dense / 2**18:14.2f}{local / dense:10.4f}")


if __name__ == "__main__":
    main()
