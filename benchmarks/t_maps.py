"""Claim: a t-map with covariates 20 times and more as fast as nilearn's, with a dense computation's values.

    python benchmarks/t_maps.py --subjects 20 --voxels 235375 --covariates 2 --repeats 5
    python benchmarks/t_maps.py --subjects 20 --permutations 100 --repeats 3

Each candidate tests the difference of two groups at every voxel of the same random maps (float32, mean 0.5,
standard deviation 0.1), from an array in memory; ``SecondLevelModel`` gets the same values as images, whose
making is not part of its time. scipy's ``ttest_ind`` knows no covariates: it is compared with ours without
them. The ratios are medians over rounds of the ratio within a round, of the wall's time and of the time of
this process on all processors; ``from dense`` is the greatest difference to the textbook's formula in double
precision. The last table is the greatest |t| over the map under permutations (Freedman and Lane), and the
value that 5 % of the maxima exceed; nilearn's other processes are not in its processor time.
"""

import argparse
import statistics
import time
import warnings
from collections.abc import Callable

import numpy as np
import torch
from measure import interleaved, ratio, without_spinning


def dense(maps: np.ndarray, matrix: np.ndarray, contrast: np.ndarray) -> np.ndarray:
    """The textbook's t, in double precision."""
    y = maps.astype(np.float64)
    inverse = np.linalg.inv(matrix.T @ matrix)
    beta = inverse @ (matrix.T @ y)
    variance = ((y - matrix @ beta) ** 2).sum(0) / (len(y) - matrix.shape[1])
    return contrast @ beta / np.sqrt(variance * (contrast @ inverse @ contrast))


def second_level(maps: np.ndarray, matrix: np.ndarray, contrast: np.ndarray) -> Callable[[], np.ndarray]:
    """Model of images of nilearn, ready to be run."""
    import nibabel as nib
    import pandas as pd
    from nilearn.glm.second_level import SecondLevelModel

    n_maps, n_voxels = maps.shape
    side = round(n_voxels ** (1 / 3)) + 1
    volumes = np.zeros((n_maps, side**3), np.float32)
    volumes[:, :n_voxels] = maps
    inside = np.arange(side**3) < n_voxels
    shape = (side, side, side)
    mask = nib.Nifti1Image(inside.reshape(shape).astype(np.uint8), np.eye(4))
    images = [nib.Nifti1Image(volume.reshape(shape), np.eye(4)) for volume in volumes]
    design = pd.DataFrame(matrix, columns=[f"column_{number}" for number in range(matrix.shape[1])])

    def run() -> np.ndarray:
        model = SecondLevelModel(mask_img=mask, minimize_memory=True).fit(images, design_matrix=design)
        found = model.compute_contrast(contrast, output_type="stat", second_level_stat_type="t")
        return found.get_fdata().ravel()[:n_voxels]

    return run


def table(
    candidates: dict[str, Callable[[], np.ndarray]], *, ours: str, exact: dict[str, np.ndarray], repeats: int
) -> None:
    """Prints time and distance of each candidate."""
    found = {name: run() for name, run in candidates.items()}
    seconds = interleaved(candidates, repeats=repeats)
    busy = interleaved(candidates, repeats=repeats, warmup=0, clock=time.process_time)
    print(f"{'':36}{'milliseconds':>14}{'x ours':>9}{'x processor':>13}{'from dense':>12}")
    for name, values in found.items():
        apart = f"{np.abs(values - exact[name]).max():12.1e}" if name in exact else ""
        print(
            f"{name:36}{1000 * statistics.median(seconds[name]):14.1f}"
            f"{ratio(seconds[name], seconds[ours]):9.1f}{ratio(busy[name], busy[ours]):13.1f}{apart}"
        )


def main() -> None:
    """Measures and prints three tables."""
    without_spinning()
    from nilearn.mass_univariate import permuted_ols
    from scipy.stats import ttest_ind

    from mrrecon.morphometry import family_wise, t_map, two_sample_design

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--subjects", type=int, default=20, help="maps, even")
    parser.add_argument("--voxels", type=int, default=235_375, help="of a map: a brain at 2 mm")
    parser.add_argument("--covariates", type=int, default=2, help="besides the groups, at least 1")
    parser.add_argument("--permutations", type=int, default=0, help="0: leave that table out")
    parser.add_argument("--repeats", type=int, default=5, help="timed rounds")
    parser.add_argument("--threads", type=int, default=0, help="0: as many as torch takes")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    warnings.simplefilter("ignore")  # nilearn's, about masks and p-values

    rng = np.random.default_rng(0)
    n = arguments.subjects
    maps = 0.5 + 0.1 * rng.standard_normal((n, arguments.voxels), dtype=np.float32)
    values = torch.from_numpy(maps)
    confounds = rng.standard_normal((n, arguments.covariates))
    groups = ["a", "b"] * (n // 2)
    columns = {f"covariate {number}": confounds[:, number] for number in range(arguments.covariates)}
    with_covariates, alone = two_sample_design(groups, columns), two_sample_design(groups)
    tested = np.array([[group == "b"] for group in groups], float)
    is_b = tested[:, 0] == 1
    difference = {"b": 1, "a": -1}
    matrix = with_covariates.matrix.numpy()
    contrast = with_covariates.row_vector(difference).numpy()
    threads = torch.get_num_threads()
    print(f"{n} subjects, {arguments.voxels} voxels, {threads} threads, {arguments.repeats} rounds")

    print(f"\n{arguments.covariates} covariates")
    truth = dense(maps, matrix, contrast)
    candidates = {
        "t_map": lambda: t_map(values, with_covariates, difference).t.numpy(),
        "dense, double precision": lambda: dense(maps, matrix, contrast),
        "nilearn permuted_ols, n_perm=0": lambda: permuted_ols(
            tested, maps, confounds, n_perm=0, verbose=0, output_type="dict"
        )["t"][0],
        "nilearn SecondLevelModel": second_level(maps, matrix, contrast),
    }
    table(candidates, ours="t_map", exact=dict.fromkeys(candidates, truth), repeats=arguments.repeats)

    print("\nno covariates")
    truth = dense(maps, alone.matrix.numpy(), np.array([-1.0, 1.0]))
    candidates = {
        "t_map": lambda: t_map(values, alone, difference).t.numpy(),
        "scipy ttest_ind": lambda: ttest_ind(maps[is_b], maps[~is_b]).statistic,
    }
    table(candidates, ours="t_map", exact=dict.fromkeys(candidates, truth), repeats=arguments.repeats)

    if arguments.permutations:
        n_permutations = arguments.permutations
        print(f"\n{n_permutations} permutations, {arguments.covariates} covariates")
        candidates = {
            "family_wise": lambda: family_wise(
                values,
                with_covariates,
                difference,
                generator=torch.Generator().manual_seed(0),
                n_permutations=n_permutations,
            ).maxima.numpy(),
            "nilearn permuted_ols, n_jobs=2": lambda: permuted_ols(
                tested, maps, confounds, n_perm=n_permutations, n_jobs=2, verbose=0, output_type="dict"
            )["h0_max_t"][0],
        }
        for name, run in candidates.items():
            print(f"{name:36}95 % of the maxima below {np.percentile(run(), 95):.2f}")
        table(candidates, ours="family_wise", exact={}, repeats=arguments.repeats)


if __name__ == "__main__":
    main()
