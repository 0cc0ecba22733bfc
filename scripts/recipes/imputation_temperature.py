r"""Temperature of a bundle for imputation: how much wider its completions should lie to hold the truth.

    python scripts/recipes/imputation_temperature.py --bundle sparse_vae2d \
        --datalist runs/data/validation.json

Completes simulated holes in complete scans (those of the list, which should have had no part in the
training) at a temperature of 1, and compares errors with the standard deviation of the completions:
intervals that are to hold 5, 10, ... 95 % of the missing voxels of tissue. Prints the temperature at which
the mean difference between what they are to hold and what they hold is least, and both curves; ``--output``
draws them.
"""

import argparse
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.bundle import ConfigWorkflow
from scipy.stats import t as student
from tqdm import tqdm

from mrrecon.files import atomic_path

BUNDLES = Path(__file__).parents[2] / "bundles"
LEVELS = np.arange(5, 100, 5) / 100
TISSUE = 0.05  # of the range of a scan


def main() -> None:
    """Print and draw."""
    options = parse_options()
    errors = standardised_errors(options)
    factors = student.ppf(0.5 + LEVELS / 2, options.n_completions - 1)
    ordered = np.sort(errors)

    def held(temperature: float) -> np.ndarray:
        """Part of the errors in the intervals of each level."""
        return np.searchsorted(ordered, factors * temperature, side="right") / len(ordered)

    candidates = np.exp(np.linspace(math.log(0.3), math.log(5), 600))
    best = float(min(candidates, key=lambda one: float(np.abs(held(one) - LEVELS).mean())))
    print(f"temperature {best:.2f}")
    print("interval   at 1   corrected")
    for level, plain, corrected in zip(LEVELS, held(1.0), held(best), strict=True):
        print(f"{level:8.0%} {plain:6.1%} {corrected:11.1%}")
    if options.output:
        draw(options.output, held(1.0), held(best), best)


def standardised_errors(options: argparse.Namespace) -> np.ndarray:
    """Errors of the missing voxels of tissue, divided by what they are thought to be."""
    workflow = ConfigWorkflow(
        config_file=str(BUNDLES / options.bundle / "configs" / "inference.json"),
        workflow_type="inference",
        datalist=str(options.datalist),
        simulate=True,
        n_completions=options.n_completions,
        temperature=1.0,
        n_slices=options.n_slices,
        seed=options.seed,
        quiet=True,
    )
    workflow.initialize()
    parts: Any = {
        name: workflow.parser.get_parsed_content(name) for name in ("dataloader", "inferer", "network")
    }
    parts["network"].eval()
    found = []
    for batch in tqdm(parts["dataloader"], desc="scans"):
        solution = parts["inferer"].solve(batch["image"], parts["network"])
        label = batch["label"].as_tensor().float()
        floor, top = float(label.min()), float(label.max())
        where = ~solution.seen & (label > floor + TISSUE * (top - floor))
        thought = solution.std[where] * math.sqrt(1 + 1 / options.n_completions)
        found.append(((solution.image - label)[where].abs() / thought.clamp(min=1e-9)).cpu())
    return torch.cat(found).numpy()


def draw(path: Path, plain: np.ndarray, corrected: np.ndarray, temperature: float) -> None:
    """The two curves and the diagonal, as a PNG."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(4.2, 4), layout="constrained")
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    axes.plot(LEVELS, plain, "o-", markersize=3, label="temperature 1")
    axes.plot(LEVELS, corrected, "s-", markersize=3, label=f"temperature {temperature:.2f}")
    axes.set(xlabel="what the interval is to hold", ylabel="what it holds", xlim=(0, 1), ylim=(0, 1))
    axes.legend()
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120)


def parse_options() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bundle", required=True, help="sparse_vae2d or sparse_vae3d")
    parser.add_argument("--datalist", type=Path, required=True, help="JSON list of complete scans")
    parser.add_argument("--n_completions", type=int, default=10)
    parser.add_argument("--n_slices", type=int, default=None, help="slices of each scan; all if not given")
    parser.add_argument("--seed", type=int, default=1, help="of holes and completions")
    parser.add_argument("--output", type=Path, help="PNG of the curves")
    return parser.parse_args()


if __name__ == "__main__":
    main()
