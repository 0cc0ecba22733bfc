"""Claim: ESPIRiT is at least 20 times faster than SigPy's, 4 times faster than BART's, and as accurate.

    python benchmarks/coil_maps.py --size 256 256 --repeats 3 --clock wall

Each candidate finds maps from the same noisy k-space of a head, with the same block, kernel, thresholds and
number of threads. The table gives the time (median over rounds of the ratio within a round; BART's includes
its process and its files), what of the noiseless images of the coils the maps leave unexplained, what of the
true maps lies outside the estimated ones, and how much of the head has maps. The last column compares with
ours: agreement is only up to a phase, which is anyone's choice. SigPy stops after as many iterations as it is
told, by default before it has converged: with --iterations 2000 it agrees with ours to rounding.
"""

import argparse
import functools
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from measure import interleaved, ratio, without_spinning

from mrrecon.operators import Fourier
from mrrecon.simulate import coil_maps, ellipsoid_phantom
from mrrecon.solvers import espirit

BLOCK, KERNEL, THRESHOLD, CROP = 24, 6, 0.02, 0.95


def mrrecon_maps(kspace: torch.Tensor) -> torch.Tensor:
    """Ours."""
    return espirit(kspace, calibration=BLOCK, kernel=KERNEL, threshold=THRESHOLD, crop=CROP)[0]


def sigpy_maps(kspace: torch.Tensor, *, iterations: int) -> torch.Tensor:
    """SigPy's."""
    from sigpy.mri.app import EspiritCalib

    calibration = EspiritCalib(
        kspace.numpy(),
        calib_width=BLOCK,
        kernel_width=KERNEL,
        thresh=THRESHOLD,
        crop=CROP,
        max_iter=iterations,
        show_pbar=False,
    )
    return torch.from_numpy(calibration.run())


def bart_maps(kspace: torch.Tensor) -> torch.Tensor:
    """BART's, through the files that it reads and writes."""
    shape = [1] * (4 - kspace.ndim) + list(kspace.shape[1:])
    sides = [":".join(str(side if n > 1 else 1) for n in shape[::-1]) for side in (KERNEL, BLOCK)]
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "kspace"), Path(folder, "maps")
        # The first axis runs fastest: the axes are named from the last of ours to the first.
        dimensions = " ".join(map(str, [*shape[::-1], len(kspace)]))
        source.with_suffix(".hdr").write_text(f"# Dimensions\n{dimensions}\n")
        kspace.numpy().tofile(source.with_suffix(".cfl"))
        options = ["-m", "1", "-t", str(THRESHOLD), "-c", str(CROP), "-k", sides[0], "-r", sides[1]]
        threads = {"OMP_NUM_THREADS": str(torch.get_num_threads())}
        command = ["bart", "ecalib", *options, str(source), str(target)]
        subprocess.run(command, check=True, capture_output=True, env={**os.environ, **threads})
        maps = np.fromfile(target.with_suffix(".cfl"), np.complex64)
    return torch.from_numpy(maps).reshape(kspace.shape)


def outside(images: torch.Tensor, maps: torch.Tensor, where: torch.Tensor) -> float:
    """What of images of coils is no multiple of the maps, as a fraction, over some pixels."""
    length = maps.abs().square().sum(0).sqrt().clamp(min=1e-12)
    unit = maps / length
    rest = images - unit * (unit.conj() * images).sum(0)
    return (rest[:, where].norm() / images[:, where].norm()).item()


def main() -> None:
    """Measures and prints one table."""
    without_spinning()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--size", type=int, nargs="+", default=(256, 256), help="two or three sides in voxels"
    )
    parser.add_argument("--coils", type=int, default=8, help="number of coils")
    parser.add_argument("--noise", type=float, default=2e-3, help="standard deviation, white matter at 1")
    parser.add_argument("--repeats", type=int, default=3, help="timed rounds")
    parser.add_argument("--iterations", type=int, default=100, help="SigPy's, 100 by default")
    parser.add_argument("--without", nargs="*", default=(), help="candidates to leave out")
    parser.add_argument(
        "--clock", choices=["wall", "cpu"], default="wall", help="cpu: without what child processes use"
    )
    arguments = parser.parse_args()

    size = tuple(arguments.size)
    head = ellipsoid_phantom(size if len(size) == 3 else (*size, 1)).reshape(size)
    truth = coil_maps(size, arguments.coils, n_rings=2 if len(size) == 3 and arguments.coils % 2 == 0 else 1)
    images = truth * head
    kspace = Fourier(len(size))(images)
    generator = torch.Generator().manual_seed(0)
    kspace += arguments.noise * torch.randn(kspace.shape, dtype=kspace.dtype, generator=generator)

    sigpy = functools.partial(sigpy_maps, iterations=arguments.iterations)
    candidates = {"mrrecon": mrrecon_maps, "sigpy": sigpy}
    if shutil.which("bart"):
        candidates["bart"] = bart_maps
    functions = {
        name: functools.partial(function, kspace)
        for name, function in candidates.items()
        if name not in arguments.without
    }
    maps = {name: function() for name, function in functions.items()}
    clock = time.perf_counter if arguments.clock == "wall" else time.process_time
    seconds = interleaved(functions, repeats=arguments.repeats, warmup=0, clock=clock)

    inside = head > 0.05
    common = functools.reduce(torch.logical_and, [each.abs().sum(0) > 0 for each in maps.values()], inside)
    print(
        f"ESPIRiT, {arguments.coils} coils, {'x'.join(map(str, size))}, noise {arguments.noise}, "
        f"{torch.get_num_threads()} threads, {arguments.repeats} rounds, {arguments.clock} clock"
    )
    print(f"{'':10}{'seconds':>10}{'x time':>10}{'images':>12}{'maps':>12}{'of head':>10}{'from ours':>12}")
    for name, each in maps.items():
        covered = (each.abs().sum(0) > 0)[inside].float().mean()
        times = ratio(seconds[name], seconds["mrrecon"])
        print(
            f"{name:10}{statistics.median(seconds[name]):10.3f}{times:10.1f}"
            f"{outside(images, each, common):12.2e}{outside(truth, each, common):12.2e}{covered:10.1%}"
            f"{outside(maps['mrrecon'], each, common):12.1e}"
        )


if __name__ == "__main__":
    main()
