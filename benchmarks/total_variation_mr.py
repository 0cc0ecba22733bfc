"""Claim: total-variation reconstruction of a multi-coil scan, three times as fast as the fastest toolbox.

    python benchmarks/total_variation_mr.py --threads 2
    python benchmarks/total_variation_mr.py --threads 2 --isotropic

Objective ½‖A x - y‖² + w Σ|Dx|, complex, periodic, 8 coils, 256x256, a quarter of the lines, w = 0.005;
complex64 for all, from the same k-space, everything a toolbox sets up counted. SigPy and mrpro know the
anisotropic form, BART the isotropic one. ``given`` are settings that somebody who knows the problem would
choose; they are not the default. deepinv takes real and imaginary parts apart, which is another objective.
mrpro is measured where it is installed; this package does not install it.
"""

import argparse
import importlib.util
import shutil
from collections.abc import Callable

import torch
from measure import without_spinning
from race import report
from sparse_mr import Scan, bart, scan, total_variation_objective
from torch import Tensor

from mrrecon.operators import CartesianSense
from mrrecon.solvers import total_variation

Solver = Callable[[int], Tensor]


def ours(case: Scan, weight: float, *, isotropic: bool, tolerance: float, most: int) -> Tensor:
    """This package's."""
    A = CartesianSense(case.mask, case.maps)
    return total_variation(
        A, case.kspace, weight, ndim=2, isotropic=isotropic, tolerance=tolerance, max_iterations=most
    )[0]


def sigpy(case: Scan, weight: float) -> dict[str, Solver]:
    """SigPy's ``TotalVariationRecon``."""
    from sigpy.mri.app import TotalVariationRecon

    y, maps = case.kspace.numpy(), case.maps.numpy()

    def default(n: int) -> Tensor:
        return torch.from_numpy(TotalVariationRecon(y, maps, weight, max_iter=n, show_pbar=False).run())

    def admm(n: int) -> Tensor:
        app = TotalVariationRecon(
            y, maps, weight, max_iter=n, solver="ADMM", rho=10 * weight, max_cg_iter=3, show_pbar=False
        )
        return torch.from_numpy(app.run())

    return {"sigpy, default": default, "sigpy, ADMM, given": admm}


def mrpro(case: Scan, weight: float) -> dict[str, Solver]:
    """Mrpro's primal-dual method, which its ``TotalVariationRegularizedReconstruction`` calls."""
    from mrpro.algorithms.optimizers import pdhg
    from mrpro.operators import (
        CartesianMaskingOp,
        FastFourierOp,
        FiniteDifferenceOp,
        LinearOperatorMatrix,
        SensitivityOp,
    )
    from mrpro.operators.functionals import L1Norm, L2NormSquared

    y, maps = case.kspace[None, :, None], case.maps[None, :, None]

    def solve(n: int, **steps: float) -> Tensor:
        masking = CartesianMaskingOp(case.mask[None, None, None])
        A = masking @ FastFourierOp(dim=(-2, -1)) @ SensitivityOp(maps)
        D = FiniteDifferenceOp(dim=(-2, -1), mode="forward", pad_mode="circular")
        f = (0.5 * L2NormSquared(target=y, divide_by_n=False)) | (weight * L1Norm(divide_by_n=False))
        K = LinearOperatorMatrix(((A,), (D,)))
        start = A.adjoint(y)
        with torch.no_grad():
            (x,) = pdhg(f=f, g=None, operator=K, initial_values=start, max_iterations=n, **steps)
        return x.reshape(case.truth.shape)

    return {
        "mrpro, default": solve,
        "mrpro, steps given": lambda n: solve(n, primal_stepsize=0.33, dual_stepsize=0.33),
    }


def peers(case: Scan, weight: float, *, isotropic: bool) -> dict[str, Solver]:
    """Those that are installed and know the objective."""
    if isotropic:
        term = ["-R", f"T:3:0:{weight}", "-m"]
        given = ["-u", f"{10 * weight}", "-C", "3"]
        if not shutil.which("bart"):
            return {}
        return {
            "bart, default": lambda n: bart(case, [*term, "-i", str(n)]),
            "bart, given": lambda n: bart(case, [*term, *given, "-i", str(n)]),
        }
    found = sigpy(case, weight) if importlib.util.find_spec("sigpy") else {}
    return {**found, **(mrpro(case, weight) if importlib.util.find_spec("mrpro") else {})}


def main() -> None:
    """Measures and prints two tables."""
    without_spinning()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--isotropic", action="store_true", help="differences of a voxel taken together")
    parser.add_argument("--weight", type=float, default=0.005)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5, help="timed rounds")
    parser.add_argument("--seconds", type=float, default=15.0, help="a solver that needs longer is given up")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    case, weight, isotropic = scan(), arguments.weight, arguments.isotropic

    def objective(x: Tensor) -> float:
        return total_variation_objective(x, case, weight, isotropic=isotropic)

    double = Scan(case.truth, case.maps.to(torch.complex128), case.mask, case.kspace.to(torch.complex128))
    values = [
        objective(ours(double, weight, isotropic=isotropic, tolerance=tolerance, most=2000))
        for tolerance in (1e-6, 1e-7)
    ]
    least = min(values)
    solvers: dict[str, Solver] = {
        "mrrecon": lambda n: ours(case, weight, isotropic=isotropic, tolerance=0.0, most=n),
        **peers(case, weight, isotropic=isotropic),
    }
    kind = "isotropic" if isotropic else "anisotropic"
    print(
        f"TV, {kind}, {len(case.maps)} coils, {'x'.join(map(str, case.truth.shape))}, weight {weight}, "
        f"{arguments.threads} threads; least objective {least:.6f}, the run before "
        f"{values[0] / least - 1:.0e} above it, A^H y {objective(case_start(case)) / least:.2f} times it"
    )
    report(
        solvers,
        objective,
        least,
        ours="mrrecon",
        seconds=arguments.seconds,
        repeats=arguments.repeats,
        fixed={
            "mrrecon, by its own rule, 1e-4": lambda: ours(
                case, weight, isotropic=isotropic, tolerance=1e-4, most=300
            )
        },
    )
    for name in ("sigpy", "mrpro"):
        if not isotropic and not importlib.util.find_spec(name):
            print(f"{name}: not installed")
    if isotropic and not shutil.which("bart"):
        print("bart: not installed")


def case_start(case: Scan) -> Tensor:
    """Zero-filled image."""
    return CartesianSense(case.mask, case.maps).adjoint(case.kspace)


if __name__ == "__main__":
    main()
