"""A study whose answer is known: the smallest simulated atrophy that scans still show after a codec."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

from mrrecon.engines.atrophy_findings import DESIGNS, LossMap, likeness, loss_map, smallest_found, volume_loss
from mrrecon.engines.atrophy_maps import AtrophySpace, SourceMaps, atrophy_files, open_space, read_source
from mrrecon.engines.atrophy_power import share_of_groupings
from mrrecon.engines.atrophy_tables import atrophy_markdown
from mrrecon.engines.group_maps import ORIGINAL, peak_threshold
from mrrecon.engines.study_scans import plain_name
from mrrecon.files import atomic_path, write_table
from mrrecon.simulate import LEFT_HIPPOCAMPUS

__all__ = ["AtrophyStudy"]


class AtrophyStudy:
    """Find known losses of tissue in originals and in scans that codecs decoded.

    A codec's scans are compared with that codec's scans, before and after. Files in ``output_dir``:
    ``atrophy.csv`` (a row a design, percentage and source), ``smallest.csv``, the t-maps of the loss,
    positive where tissue was lost, ``atrophy.json`` (all of it, and what was left out), ``atrophy.md`` and
    the page.

    A codec that lacks a scan, or whose files cannot be used, is left out at that percentage and named at the
    end; the rest is done.

    Args:
        tissues: folder of ``<percent>/<codec>/<name>_template.nii.gz``, or ``<name>_recon_template.nii.gz``,
            as ``scripts/morphometry/tissues.json`` writes them; percentage ``0`` are the scans as they were,
            codec ``original`` those that no codec has seen.
        output_dir: folder of the outputs.
        centres: of the balls that lost tissue, mm of the template.
        radius: of each, mm.
        tissue: whose maps are compared, one of ``csf``, ``gm``, ``wm``.
        fwhm: smoothing of the maps, mm.
        above: least mean tissue of a voxel that is tested, 0 to 1.
        n_permutations: greatest number of rearrangements, for family-wise correction.
        n_groupings: ways to choose who of the two groups has lost tissue, for the power of that design; 0: it
            is not asked for.
        alpha: level of corrected probabilities.
        seed: of the rearrangements.
        page: picture page, with ``still`` and ``write``; None: without.
        quiet: whether to say nothing while working.

    Raises:
        ValueError: a number is out of its range.
    """

    def __init__(
        self,
        tissues: str | Path,
        output_dir: str | Path,
        *,
        centres: Sequence[Sequence[float | int]] = (LEFT_HIPPOCAMPUS,),
        radius: float | int = 15.0,
        tissue: str = "gm",
        fwhm: float | int = 8.0,
        above: float | int = 0.1,
        n_permutations: int = 1024,
        n_groupings: int = 50,
        alpha: float = 0.05,
        seed: int = 0,
        page: Any = None,
        quiet: bool = False,
    ) -> None:
        if not 0 < alpha < 1:
            raise ValueError(f"alpha={alpha} must lie between 0 and 1")
        self.tissues, self.output_dir = tissues, Path(output_dir)
        self.centres, self.radius = centres, radius
        self.tissue, self.fwhm, self.above = tissue, fwhm, above
        self.n_permutations, self.n_groupings = n_permutations, n_groupings
        self.alpha, self.seed = alpha, seed
        self.page, self.quiet = page, quiet

    def run(self) -> dict[str, Any]:
        """Make the study, and give what ``atrophy.json`` holds.

        Raises:
            FileNotFoundError: there are no scans as they were, or no originals among them.
            ValueError: nothing can be tested.
            RuntimeError: at the end, if something was left out.
        """
        files, left_out = atrophy_files(self.tissues)
        if ORIGINAL not in files[0.0]:
            raise FileNotFoundError(
                f"tissues={str(self.tissues)!r} must hold 0/{ORIGINAL}, the scans that no codec has seen"
            )
        originals = files[0.0][ORIGINAL]
        space = open_space(
            originals,
            centres=self.centres,
            radius=self.radius,
            tissue=self.tissue,
            fwhm=self.fwhm,
            above=self.above,
        )
        rows: list[dict[str, Any]] = []
        stills: list[Any] = []
        truth: dict[tuple[float, str], LossMap] = {}
        for source, percent, before, after in self._pairs(files, list(originals), space, left_out):
            for design in DESIGNS:
                words = f"{design}, {percent:g} %, {source}"
                self._say(f"{words}: permutations")
                try:
                    found = self._test(design, before, after, space)
                except ValueError as error:
                    left_out.append(f"{words}: {error}")
                    continue
                row = {"source": source, "percent": percent, **found.row, **volume_loss(before, after)}
                if source == ORIGINAL:
                    truth[percent, design] = found
                elif (percent, design) in truth:
                    row |= likeness(truth[percent, design], found, space)
                rows.append(row)
                stills += self._keep(words, found, space)
        if not rows:
            raise ValueError("nothing can be tested: " + "; ".join(left_out[:3]))
        _compare_losses(rows)
        return self._finish(rows, stills, left_out, n_subjects=len(originals))

    def _pairs(
        self,
        files: Mapping[float, Mapping[str, Mapping[str, Path]]],
        names: Sequence[str],
        space: AtrophySpace,
        left_out: list[str],
    ) -> Iterator[tuple[str, float, SourceMaps, SourceMaps]]:
        """Source, percentage, maps before and after: the originals first. What cannot be read is noted."""

        def read(percent: float, source: str) -> SourceMaps | None:
            label, scans = f"{percent:g}/{source}", files[percent].get(source, {})
            lacking = [name for name in names if name not in scans]
            if lacking:
                few = ", ".join(lacking[:3]) + (", ..." if len(lacking) > 3 else "")
                left_out.append(f"{label} lacks {len(lacking)} of {len(names)} scans: {few}")
                return None
            self._say(f"{label}: maps")
            try:
                return read_source([scans[name] for name in names], space)
            except ValueError as error:
                left_out.append(f"{label}: {error}")
                return None

        codecs = {codec for scans in files.values() for codec in scans} - {ORIGINAL}
        for source in [ORIGINAL, *sorted(codecs)]:
            before = read(0.0, source)
            for percent in files if before is not None else ():
                after = read(percent, source) if percent else None
                if before is not None and after is not None:
                    yield source, percent, before, after

    def _test(self, design: str, before: SourceMaps, after: SourceMaps, space: AtrophySpace) -> LossMap:
        n, alpha, seed = self.n_permutations, self.alpha, self.seed
        found = loss_map(design, before, after, space=space, n_permutations=n, alpha=alpha, seed=seed)
        if design == "two groups" and self.n_groupings:
            found.row["found_share"] = share_of_groupings(
                before,
                after,
                space=space,
                n_groupings=self.n_groupings,
                n_permutations=n,
                alpha=alpha,
                seed=seed,
            )
        return found

    def _keep(self, name: str, found: LossMap, space: AtrophySpace) -> list[Any]:
        """Write the t-map, and give its picture."""
        with atomic_path(self.output_dir / f"t_{plain_name(name)}.nii.gz") as temporary:
            nibabel.save(nibabel.Nifti1Image(found.map.t.numpy().astype(np.float32), space.affine), temporary)
        if self.page is None:
            return []
        limit = peak_threshold(found.map)
        return [self.page.still(f"loss: {name}", found.map, limit, space.affine)]

    def _finish(
        self,
        rows: Sequence[dict[str, Any]],
        stills: Sequence[Any],
        left_out: Sequence[str],
        *,
        n_subjects: int,
    ) -> dict[str, Any]:
        study: dict[str, Any] = {
            "subjects": n_subjects,
            "percents": sorted({row["percent"] for row in rows}),
            "centres": [list(centre) for centre in self.centres],
            "radius": self.radius,
            "smallest": _smallest(rows),
            "rows": rows,
            "left_out": list(left_out),
        }
        text = atrophy_markdown(study)
        write_table(self.output_dir / "atrophy.csv", rows)
        write_table(self.output_dir / "smallest.csv", study["smallest"])
        with atomic_path(self.output_dir / "atrophy.json") as temporary:
            temporary.write_text(json.dumps(study, indent=2) + "\n", encoding="utf-8")
        with atomic_path(self.output_dir / "atrophy.md") as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")
        if self.page is not None:
            self.page.write({**study, "markdown": text}, stills)
        print(f"\n{text}\n\noutputs: {self.output_dir.resolve()}")  # noqa: T201
        if left_out:
            raise RuntimeError("\n  ".join(["the study is done, but for:", *left_out]))
        return study

    def _say(self, words: str) -> None:
        if not self.quiet:
            print(words, file=sys.stderr, flush=True)  # noqa: T201


def _compare_losses(rows: Sequence[dict[str, Any]]) -> None:
    """Notes in each row the loss that was put in, and what part of the originals' loss a codec shows."""
    originals = {row["percent"]: row for row in rows if row["source"] == ORIGINAL}
    for row in rows:
        truth = originals.get(row["percent"])
        if truth is None:
            continue
        row["true_loss_ml"] = row["percent"] / 100 * truth["before_ml"]
        if row["source"] != ORIGINAL and truth["loss_ml"]:
            row["loss_share"] = row["loss_ml"] / truth["loss_ml"]


def _smallest(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    found = []
    for source in dict.fromkeys(row["source"] for row in rows):
        for design in dict.fromkeys(row["design"] for row in rows):
            own = [row for row in rows if row["source"] == source and row["design"] == design]
            for where, key in (("brain", "found"), ("region", "found_in_region")):
                least = smallest_found(own, key)
                found.append({"source": source, "design": design, "where": where, "percent": least})
    return found
