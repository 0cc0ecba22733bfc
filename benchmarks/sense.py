"""Claim: SENSE by conjugate gradients, twice as fast as the fastest of four toolboxes and with its result.

    python benchmarks/sense.py --size 256 256 --acceleration 4 --iterations 30 --repeats 7
    python benchmarks/sense.py --size 96 96 96 --acceleration 6 --iterations 10 --repeats 3

Each candidate solves the same normal equations from the same k-space in complex64, with the same number of
iterations and of threads, from zero; what it has to set up (shifts, masks, BART's files) is part of its time.
The ratio is the median over rounds of the ratio within a round. ``process and files`` is BART's time for a
single iteration: what starting it and the exchange of files cost. ``from exact`` is the distance to the same
number of iterations in complex128 with the operator written as a product, which no candidate uses. mrpro and
deepinv are measured where they are installed; this package does not install them.
"""

import argparse
import functools
import importlib.util
import os
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from measure import interleaved, ratio, without_spinning
from torch import Tensor

from mrrecon.operators import CartesianSense, Coils, Fourier, Mask
from mrrecon.simulate import coil_maps, poisson_disc, shepp_logan, variable_density_lines
from mrrecon.solvers import conjugate_gradient

Candidate = Callable[[Tensor, Tensor, Tensor, int], Tensor]


def mrrecon(kspace: Tensor, maps: Tensor, mask: Tensor, iterations: int) -> Tensor:
    """Ours."""
    A = CartesianSense(mask, maps)
    return conjugate_gradient(A, kspace, tolerance=0.0, max_iterations=iterations)[0]


def exact(kspace: Tensor, maps: Tensor, mask: Tensor, iterations: int) -> Tensor:
    """The textbook's conjugate gradients with the operator as a product, in double precision."""
    A = Mask(mask) @ Fourier(mask.ndim) @ Coils(maps.to(torch.complex128))
    r = A.adjoint(kspace.to(torch.complex128))
    x, p, square = torch.zeros_like(r), r.clone(), r.abs().square().sum()
    for _ in range(iterations):
        q = A.adjoint(A(p))
        alpha = square / (p.conj() * q).sum().real
        x, r, before = x + alpha * p, r - alpha * q, square
        square = r.abs().square().sum()
        p = r + square / before * p
    return x


def sigpy(kspace: Tensor, maps: Tensor, mask: Tensor, iterations: int) -> Tensor:
    """SigPy's ``SenseRecon``, which finds the mask in the k-space."""
    del mask
    from sigpy.mri.app import SenseRecon

    app = SenseRecon(kspace.numpy(), maps.numpy(), max_iter=iterations, tol=0, show_pbar=False)
    return torch.from_numpy(app.run())


def bart(kspace: Tensor, maps: Tensor, mask: Tensor, iterations: int) -> Tensor:
    """BART's ``pics``, through the files that it reads and writes."""
    del mask
    shape = [1] * (4 - kspace.ndim) + list(kspace.shape[1:])
    # The first axis runs fastest: the axes are named from the last of ours to the first.
    dimensions = " ".join(map(str, [*shape[::-1], len(kspace)]))
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, name) for name in ("kspace", "maps", "image")]
        for file, values in zip(files, (kspace, maps), strict=False):
            file.with_suffix(".hdr").write_text(f"# Dimensions\n{dimensions}\n")
            values.numpy().tofile(file.with_suffix(".cfl"))
        options = ["-l2", "-r0", "-i", str(iterations), "-w", "1", "-d", "0"]
        threads = {"OMP_NUM_THREADS": str(torch.get_num_threads())}
        command = ["bart", "pics", *options, *map(str, files)]
        subprocess.run(command, check=True, capture_output=True, env={**os.environ, **threads})
        image = np.fromfile(files[2].with_suffix(".cfl"), np.complex64)
    return torch.from_numpy(image).reshape(kspace.shape[1:])


def mrpro(kspace: Tensor, maps: Tensor, mask: Tensor, iterations: int) -> Tensor:
    """Operators of mrpro and its conjugate gradients; its axes are (other, coils, z, y, x)."""
    from mrpro.algorithms.optimizers import cg
    from mrpro.operators import CartesianMaskingOp, FastFourierOp, SensitivityOp

    def volume(tensor: Tensor) -> Tensor:
        return tensor.reshape(1, len(kspace), *[1] * (4 - kspace.ndim), *kspace.shape[1:])

    coils = SensitivityOp(volume(maps))
    fourier = FastFourierOp(dim=tuple(range(1 - kspace.ndim, 0)))
    masking = CartesianMaskingOp(volume(mask.expand(kspace.shape))[:, :1])
    A = masking @ fourier @ coils
    (b,) = A.H(volume(kspace))
    (x,) = cg(A.H @ A, b, initial_value=torch.zeros_like(b), max_iterations=iterations, tolerance=0.0)
    return x.reshape(kspace.shape[1:])


def deepinv(kspace: Tensor, maps: Tensor, mask: Tensor, iterations: int) -> Tensor:
    """``MultiCoilMRI`` of deepinv and its conjugate gradients; real and imaginary parts are channels."""
    from deepinv.optim.linear import conjugate_gradient as solve
    from deepinv.physics import MultiCoilMRI

    size = kspace.shape[1:]
    physics = MultiCoilMRI(
        mask=mask.expand(size)[None].float(),
        coil_maps=maps[None],
        img_size=(2, *size),
        three_d=len(size) == 3,
    )
    b = physics.A_adjoint(torch.view_as_real(kspace).movedim(-1, 0)[None])
    x = solve(lambda x: physics.A_adjoint(physics.A(x)), b, max_iter=iterations, tol=0.0)
    return torch.view_as_complex(x[0].movedim(0, -1).contiguous())


def candidates(without: list[str]) -> tuple[dict[str, Candidate], list[str]]:
    """Those that can be run, and the names of those that are not installed."""
    peers: dict[str, Candidate] = {"sigpy": sigpy, "mrpro": mrpro, "deepinv": deepinv}
    found = {name: run for name, run in peers.items() if importlib.util.find_spec(name)}
    if shutil.which("bart"):
        found["bart"] = bart
        found["process and files"] = lambda kspace, maps, mask, _: bart(kspace, maps, mask, 1)
    missing = sorted({*peers, "bart"} - set(found))
    chosen = {name: run for name, run in found.items() if name not in without}
    return {"mrrecon": mrrecon, **chosen}, missing


def measurement(size: tuple[int, ...], coils: int, acceleration: float, noise: float) -> tuple[Tensor, ...]:
    """Phantom, maps, mask and noisy k-space: lines in 2-D, points that keep their distance in 3-D."""
    generator = torch.Generator().manual_seed(0)
    head = shepp_logan(size)
    maps = coil_maps(size, coils, n_rings=2 if len(size) == 3 and coils % 2 == 0 else 1)
    if len(size) == 2:
        mask = variable_density_lines(
            size, acceleration=acceleration, centre=size[-1] // 16, generator=generator
        )
    else:
        centre = [side // 6 for side in size[1:]]
        mask = poisson_disc(size[1:], acceleration=acceleration, centre=centre, generator=generator)[None]
    kspace = Fourier(len(size))(maps * head)
    kspace += noise * torch.randn(kspace.shape, dtype=kspace.dtype, generator=generator)
    return head, maps, mask, torch.where(mask, kspace, 0)


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
    parser.add_argument("--acceleration", type=float, default=4.0, help="all samples / measured samples")
    parser.add_argument("--noise", type=float, default=2e-3, help="standard deviation, skull at 1")
    parser.add_argument("--iterations", type=int, default=30, help="of conjugate gradients")
    parser.add_argument("--repeats", type=int, default=5, help="timed rounds")
    parser.add_argument("--threads", type=int, default=0, help="0: as many as torch takes")
    parser.add_argument("--without", nargs="*", default=[], help="candidates to leave out")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)

    size = tuple(arguments.size)
    truth, maps, mask, kspace = measurement(size, arguments.coils, arguments.acceleration, arguments.noise)
    found, missing = candidates(arguments.without)
    n = arguments.iterations
    functions = {name: functools.partial(run, kspace, maps, mask, n) for name, run in found.items()}
    images = {name: function() for name, function in functions.items()}
    seconds = interleaved(functions, repeats=arguments.repeats, warmup=0)
    reference = exact(kspace, maps, mask, n)
    # Each candidate's processor time, its threads and children counted, in a run of its own.
    busy = {name: min(processor_time(function) for _ in range(3)) for name, function in functions.items()}

    print(
        f"SENSE, {arguments.coils} coils, {'x'.join(map(str, size))}, acceleration "
        f"{mask.numel() / int(mask.sum()):.2f}, {n} iterations, {torch.get_num_threads()} threads, "
        f"{arguments.repeats} rounds"
    )
    print(f"{'':20}{'seconds':>10}{'x time':>9}{'x processor':>13}{'NRMSE':>10}{'from exact':>12}")
    for name, image in images.items():
        x = image.to(torch.complex128)
        print(
            f"{name:20}{statistics.median(seconds[name]):10.3f}"
            f"{ratio(seconds[name], seconds['mrrecon']):9.1f}"
            f"{busy[name] / busy['mrrecon']:13.1f}{float((x - truth).norm() / truth.norm()):10.5f}"
            f"{float((x - reference).norm() / reference.norm()):12.1e}"
        )
    for name in missing:
        print(f"{name:20}{'not installed':>19}")


def processor_time(function: Callable[[], Tensor]) -> float:
    """Seconds of all processors, of this process and of those it started."""
    before = os.times()
    function()
    after = os.times()
    return sum(after[:4]) - sum(before[:4])


if __name__ == "__main__":
    main()
