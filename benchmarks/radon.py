"""Claim: projection and its adjoint are faster than a stored sparse matrix of the same weights.

    python benchmarks/radon.py --size 256 --views 180
    python benchmarks/radon.py --size 512 --views 720

Prints, for each candidate, time relative to ours (median over rounds of the ratio within a round), how far
the sinogram of the modified Shepp-Logan head (mean over the area of each pixel) is from the exact one, how
far the adjoint is from being one, the error of filtered back-projection of the exact sinogram inside of the
circle that every view sees, and the memory that a projection needs beyond its input and its operator. The
matrix is ASTRA's "linear", at up to 256 pixels a side; its size is printed below the table, and its filtered
back-projection is its adjoint after our filter. scikit-image turns about the pixel right of and below the
middle, and is compared with what it would have to measure there.
"""

import argparse
import functools
import importlib.util
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from measure import interleaved, peak_memory_mib, ratio, without_spinning

from mrrecon.simulate import exact_line_integrals, exact_sinogram, shepp_logan, shepp_logan_ellipsoids

# Each defines ``forward(x)``, ``adjoint(y)`` and ``fbp(y)`` of arrays (views, detectors), or None, with the
# imports that it needs and no others.
PREPARE = """
import numpy as np
n, n_views, n_detectors = {n}, {views}, {detectors}
angles = np.arange(n_views) * np.pi / n_views
"""
OURS = """
import torch
torch.set_num_threads({threads})
from mrrecon.operators import Radon
from mrrecon.solvers import filtered_back_projection
A = Radon((n, n), {angles}, n_detectors=n_detectors)
forward = lambda x: A(torch.from_numpy(x)).numpy()
adjoint = lambda y: A.adjoint(torch.from_numpy(y)).numpy()
fbp = lambda y: filtered_back_projection(A, torch.from_numpy(y)).numpy()
"""
SKIMAGE = """
from skimage.transform import iradon, radon
degrees = np.rad2deg(angles)
forward = lambda x: radon(x, theta=degrees).T
adjoint = lambda y: iradon(np.ascontiguousarray(y.T), theta=degrees, filter_name=None) * (2 * n_views / np.pi)
fbp = lambda y: iradon(np.ascontiguousarray(y.T), theta=degrees)
beside = True
"""
ASTRA = """
import astra
volume = astra.create_vol_geom(n, n)
scan = astra.create_proj_geom("parallel", 1.0, n_detectors, angles)
projector = astra.create_projector("{kind}", scan, volume)
def _run(name, image, sinogram, result):
    config = astra.astra_dict(name)
    config["ProjectorId"] = projector
    config["ProjectionDataId"] = astra.data2d.create("-sino", scan, sinogram)
    place = "VolumeDataId" if name == "FP" else "ReconstructionDataId"
    config[place] = astra.data2d.create("-vol", volume, image)
    algorithm = astra.algorithm.create(config)
    astra.algorithm.run(algorithm)
    done = astra.data2d.get(config["ProjectionDataId" if name == "FP" else place])
    astra.algorithm.delete(algorithm)
    astra.data2d.clear()
    return done
forward = lambda x: _run("FP", x, 0, "sinogram")
adjoint = lambda y: _run("BP", 0, y, "image")
fbp = lambda y: _run("FBP", 0, y, "image")
"""
MATRIX = """
import astra
import torch
from mrrecon.solvers.ramp_filter import filter_views, ramp_response
scan = astra.create_proj_geom("parallel", 1.0, n_detectors, angles)
projector = astra.create_projector("linear", scan, astra.create_vol_geom(n, n))
matrix = astra.matrix.get(astra.projector.matrix(projector)).astype(np.float32).tocsr()
transposed = matrix.T.tocsr()
response = ramp_response(n_detectors, 1.0)
forward = lambda x: (matrix @ x.ravel()).reshape(n_views, -1)
adjoint = lambda y: (transposed @ y.ravel()).reshape(n, n)
fbp = lambda y: adjoint(filter_views(torch.from_numpy(y), response).numpy()) * (np.pi / n_views)
"""
DEEPINV = """
import torch
torch.set_num_threads({threads})
from deepinv.physics import Tomography
physics = Tomography(torch.from_numpy(np.rad2deg(angles)).float(), img_width=n, circle=True, normalize=False)
def _image(a):
    return torch.from_numpy(np.ascontiguousarray(a))[None, None]
forward = lambda x: physics.A(_image(x))[0, 0].numpy().T
adjoint = lambda y: physics.A_adjoint(_image(y.T))[0, 0].numpy()
fbp = lambda y: physics.fbp(_image(y.T))[0, 0].numpy()
"""
GOLDEN = "np.arange(n_views) * 2.3999632"


def main() -> None:
    """Measures and prints one table."""
    without_spinning()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=256, help="pixels a side; as many detectors")
    parser.add_argument("--views", type=int, default=180, help="angles over half a turn")
    parser.add_argument("--threads", type=int, default=1, help="of those that have more than one")
    parser.add_argument("--repeats", type=int, default=7, help="timed rounds")
    parser.add_argument(
        "--clock", choices=["wall", "cpu"], default="wall", help="cpu: steadier on a busy machine"
    )
    arguments = parser.parse_args()

    threads = arguments.threads
    sources = {
        "mrrecon": OURS.format(threads=threads, angles="angles"),
        "mrrecon, golden angles": OURS.format(threads=threads, angles=GOLDEN),
        "CSR matrix, 1 thread": MATRIX if arguments.size <= 256 else None,
        "scikit-image, 1 thread": SKIMAGE,
        **{f"ASTRA {kind}, 1 thread": ASTRA.format(kind=kind) for kind in ("line", "linear", "strip")},
        "deepinv": DEEPINV.format(threads=threads),
    }
    modules = {"ASTRA": "astra", "CSR": "astra", "scikit": "skimage", "deepinv": "deepinv"}
    missing = {module for module in modules.values() if importlib.util.find_spec(module) is None}
    prepare = PREPARE.format(n=arguments.size, views=arguments.views, detectors=arguments.size)
    candidates: dict[str, dict[str, Any]] = {}
    for name, source in sources.items():
        module = modules.get(name.split()[0].split("-")[0], "")
        if source is None or module in missing:
            print(f"{name}: left out, {'it would not fit' if source is None else 'not installed'}")
            continue
        candidates[name] = {}
        exec(prepare + source, candidates[name])

    x, y = _head(candidates["mrrecon"])
    clock = time.perf_counter if arguments.clock == "wall" else time.process_time
    seconds = {
        what: interleaved(
            {name: functools.partial(each[what], data) for name, each in candidates.items()},
            repeats=arguments.repeats,
            clock=clock,
        )
        for what, data in (("forward", x), ("adjoint", y), ("fbp", y))
    }
    print(
        f"Radon {arguments.size}² x {arguments.views} views, {threads} threads, {arguments.repeats} rounds, "
        f"{arguments.clock} clock; ours: "
        + ", ".join(
            f"{what} {1000 * statistics.median(each['mrrecon']):.1f} ms" for what, each in seconds.items()
        )
    )
    heads = ("x forward", "x adjoint", "x FBP", "sinogram", "adjoint", "FBP", "MiB")
    print(f"{'':24}" + "".join(f"{head:>11}" for head in heads))
    for name, each in candidates.items():
        ratios = [ratio(times[name], times["mrrecon"]) for times in seconds.values()]
        golden = "golden" in name
        errors = _errors(each, x, y, golden=golden)
        memory = peak_memory_mib(prepare + sources[name] + _DATA, "forward(x)", warmup="forward(x)")
        print(
            f"{name:24}" + "".join(f"{r:11.2f}" for r in ratios) + f"{errors[0]:11.4f}{errors[1]:11.1e}"
            f"{errors[2]:11.4f}{memory:11.1f}"
        )
    for name, each in candidates.items():
        if "matrix" in each:
            parts = (each["matrix"].data, each["matrix"].indices, each["matrix"].indptr)
            size = sum(part.nbytes for part in parts) / 2**20
            print(
                f"{name}: {each['matrix'].nnz / 1e6:.1f} M weights, {size:.0f} MiB, and again for the adjoint"
            )


_DATA = """
x = np.random.default_rng(0).random((n, n), dtype=np.float32)
"""


def _head(ours: dict[str, Any]) -> tuple[Any, Any]:
    """Picture of the head and its exact sinogram."""
    x = shepp_logan(ours["A"].shape, samples=4).numpy()
    return x, exact_sinogram(ours["A"]).float().numpy()


def _errors(candidate: dict[str, Any], x: Any, y: Any, *, golden: bool) -> tuple[float, float, float]:
    """Of the sinogram, of the adjoint and of the image, each relative."""
    if golden:
        y = exact_sinogram(candidate["A"]).float().numpy()
    if "beside" in candidate and len(x) % 2 == 0:
        theta = torch.from_numpy(candidate["angles"])[:, None]
        s = torch.arange(len(x)) - len(x) / 2 + (theta.cos() - theta.sin()) / 2
        bodies = shepp_logan_ellipsoids()
        exact = exact_line_integrals(theta.expand_as(s), s, ellipsoids=bodies, field_of_view=x.shape)
        y = exact.float().numpy()
    forward: Callable[[Any], Any] = candidate["forward"]
    sinogram = forward(x)
    generator = np.random.default_rng(1)
    # Inside of the circle, outside of which some candidates see nothing.
    n = len(x)
    place = np.arange(n) - (n - 1) / 2
    inside = place[:, None] ** 2 + place**2 < (n / 2 - 1) ** 2
    image = (generator.random(x.shape, dtype=np.float32) * inside).astype(np.float32)
    views = generator.random(y.shape, dtype=np.float32)
    measured = forward(image)
    left = np.vdot(measured.astype(float), views.astype(float))
    right = np.vdot(image.astype(float), candidate["adjoint"](views).astype(float))
    result = candidate["fbp"](y)
    return (
        float(np.linalg.norm(sinogram - y) / np.linalg.norm(y)),
        float(abs(left - right) / (np.linalg.norm(measured) * np.linalg.norm(views))),
        float(np.linalg.norm((result - x)[inside]) / np.linalg.norm(x[inside])),
    )


if __name__ == "__main__":
    main()
