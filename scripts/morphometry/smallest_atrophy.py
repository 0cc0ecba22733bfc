"""The smallest known atrophy that scans still show after a codec.

    python scripts/morphometry/smallest_atrophy.py --tissues tissues --output_dir atrophy

`tissues` holds `<percent>/<codec>/`, each what `tissues.json` left of the scans that `atrophy_scans.py` made
with `--everyone`: percentage `0` are the scans as they were, codec `original` those that no codec has seen.
Writes `atrophy.md`, `atrophy.csv`, `smallest.csv`, the t-maps and `atrophy.html`. What had to be left out is
named at the end, and the rest is done.
"""

import argparse
from pathlib import Path

from mrrecon.data import template_path
from mrrecon.engines import AtrophyStudy
from mrrecon.errors import explain_errors
from mrrecon.report import StudyPage
from mrrecon.simulate import LEFT_HIPPOCAMPUS


def main() -> None:
    """Makes the study."""
    explain_errors()
    options = _options()
    page = StudyPage(
        options.output_dir / "atrophy.html",
        background=template_path("t1"),
        title="A known atrophy, before and after codecs",
    )
    AtrophyStudy(
        options.tissues,
        options.output_dir,
        centres=options.centre or [LEFT_HIPPOCAMPUS],
        radius=options.radius,
        tissue=options.tissue,
        fwhm=options.fwhm,
        above=options.above,
        n_permutations=options.n_permutations,
        n_groupings=options.n_groupings,
        alpha=options.alpha,
        seed=options.seed,
        page=page,
    ).run()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tissues", type=Path, required=True, help="folder with <percent>/<codec>/")
    parser.add_argument("--output_dir", type=Path, required=True)
    parser.add_argument("--centre", nargs=3, type=float, action="append", help="as for atrophy_scans.py")
    parser.add_argument("--radius", type=float, default=15.0, help="mm, as for atrophy_scans.py")
    parser.add_argument("--tissue", default="gm", help="csf, gm or wm")
    parser.add_argument("--fwhm", type=float, default=8.0, help="of the smoothing, mm")
    parser.add_argument(
        "--above", type=float, default=0.1, help="least mean tissue of a voxel that is tested"
    )
    parser.add_argument("--n_permutations", type=int, default=1024, help="all, if there are no more")
    parser.add_argument("--n_groupings", type=int, default=50, help="choices of who has the atrophy; 0: one")
    parser.add_argument("--alpha", type=float, default=0.05, help="level of corrected probabilities")
    parser.add_argument("--seed", type=int, default=0, help="of the permutations")
    return parser.parse_args()


if __name__ == "__main__":
    main()
