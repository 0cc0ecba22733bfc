"""Claim: total-variation denoising ahead of scikit-image, with one thread and with two.

    python benchmarks/tv_denoising.py --problem image --threads 1
    python benchmarks/tv_denoising.py --problem image --threads 2
    python benchmarks/tv_denoising.py --problem volume --threads 2 --repeats 3

Objective ½‖x - y‖² + w Σ|Dx|, isotropic, no difference across the edge, float32 for all. The image is a
Shepp-Logan head of 512², the volume the middle 128³ of the MNI152 template, both with noise of a tenth and a
twentieth of the brightest voxel. scikit-image stops by the change of its own objective, which its default
does early: it gets ``eps=0`` and the number of iterations, and has one thread whatever is allowed.
``certified`` stops by its own duality gap, the others at the number of iterations that somebody has to know.
deepinv is measured where it is installed; this package does not install it.
"""

import argparse
import importlib.util
from collections.abc import Callable

import nibabel
import numpy as np
import torch
from measure import without_spinning
from race import report
from torch import Tensor

from mrrecon.data import template_path
from mrrecon.simulate import shepp_logan
from mrrecon.solvers import total_variation_denoise

WEIGHTS = {"image": 0.1, "volume": 0.05}


def noisy(problem: str) -> Tensor:
    """The image or the volume with noise."""
    generator = torch.Generator().manual_seed(0)
    if problem == "image":
        x = shepp_logan((512, 512)).real.float()
        return x / x.max() + 0.1 * torch.randn(x.shape, generator=generator)
    head = np.asarray(nibabel.load(template_path("t1")).dataobj, np.float32)
    middle = tuple(slice((side - 128) // 2, (side + 128) // 2) for side in head.shape)
    x = torch.from_numpy(head[middle] / head.max())
    return x + 0.05 * torch.randn(x.shape, generator=generator)


def objective(x: np.ndarray, y: np.ndarray, weight: float) -> float:
    """Double precision, by numpy."""
    x, y = x.astype(np.float64), y.astype(np.float64)
    squares = np.zeros_like(x)
    for axis in range(x.ndim):
        inner = (slice(None),) * axis + (slice(-1),)
        squares[inner] += np.diff(x, axis=axis) ** 2
    return 0.5 * float(((x - y) ** 2).sum()) + weight * float(np.sqrt(squares).sum())


def solvers(y: Tensor, weight: float) -> dict[str, Callable[[int], np.ndarray]]:
    """Functions of a number of iterations."""
    from skimage.restoration import denoise_tv_chambolle

    found: dict[str, Callable[[int], np.ndarray]] = {
        "mrrecon": lambda n: total_variation_denoise(y, weight, ndim=y.ndim, tolerance=0.0, max_iterations=n)[
            0
        ].numpy(),
        "scikit-image": lambda n: denoise_tv_chambolle(y.numpy(), weight=weight, eps=0, max_num_iter=n),
    }
    if importlib.util.find_spec("deepinv"):
        from deepinv.models import TVDenoiser

        def deepinv(n: int, tau: float) -> np.ndarray:
            # A new one each time: it remembers where it stopped.
            with torch.no_grad():
                return TVDenoiser(n_it_max=n, crit=0, tau=tau)(y[None, None], weight)[0, 0].numpy()

        found["deepinv"] = lambda n: deepinv(n, 0.01)
        found["deepinv, tau 0.25"] = lambda n: deepinv(n, 0.25)
    return found


def main() -> None:
    """Measures and prints two tables."""
    without_spinning()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--problem", choices=sorted(WEIGHTS), default="image")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5, help="timed rounds")
    parser.add_argument("--seconds", type=float, default=20.0, help="a solver that needs longer is given up")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    y, weight = noisy(arguments.problem), WEIGHTS[arguments.problem]
    exact, history = total_variation_denoise(
        y.double(), weight, ndim=y.ndim, tolerance=1e-7, max_iterations=20_000
    )
    least = objective(exact.numpy(), y.numpy(), weight)
    found = solvers(y, weight)
    print(
        f"TV denoising, {'x'.join(map(str, y.shape))}, weight {weight}, {arguments.threads} threads; least "
        f"objective {least:.4f}, certified to {history.criterion[-1]:.0e}"
    )
    best = objective(found["scikit-image"](1000), y.numpy(), weight)
    print(f"scikit-image after 1000 iterations: {best / least - 1:.1e} above it")
    for gap in (1e-2, 1e-3):
        certified = {
            "mrrecon, certified": lambda gap=gap: total_variation_denoise(
                y, weight, ndim=y.ndim, tolerance=gap
            )[0].numpy()
        }
        report(
            found,
            lambda x: objective(x, y.numpy(), weight),
            least,
            ours="mrrecon",
            gaps=(gap,),
            seconds=arguments.seconds,
            repeats=arguments.repeats,
            fixed=certified,
        )
    if "deepinv" not in found:
        print("deepinv: not installed")


if __name__ == "__main__":
    main()
