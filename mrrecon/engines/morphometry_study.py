"""A study of what codecs do to anatomy: tissues, volumes and voxel-based morphometry, before and after."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

from mrrecon.engines.group_maps import GroupMaps, change_maps, compare_maps, make_maps, peak_threshold
from mrrecon.engines.study_scans import StudyScan, plain_name, study_scans
from mrrecon.engines.study_tables import study_markdown
from mrrecon.engines.tissue_agreement import agreement_rows, agreement_summary, wilcoxon_of_best
from mrrecon.files import atomic_path, write_table
from mrrecon.morphometry import TISSUES, TMap

__all__ = ["MorphometryStudy"]


class MorphometryStudy:
    """Compare decoded scans with their originals, and the studies that can be made of each.

    Files in ``output_dir``: ``agreement.csv`` (a row a scan and codec), ``maps.csv`` (a row a contrast and
    source), ``t_<contrast>_<source>.nii.gz``, ``change_<codec>.nii.gz`` (paired t of decoded minus original),
    ``study.json`` (all of it, and what was left out), ``study.md`` (tables) and the page.

    A scan that cannot take part stops no other, and a test that cannot be made no other test: both are named
    at the end.

    Args:
        originals: folder with tissues of the originals, as ``scripts/morphometry/tissues.json`` writes them.
        decoded: such a folder for each codec, by name.
        output_dir: folder of the outputs.
        participants: CSV or TSV table of the subjects; empty: no voxel-based morphometry of groups.
        key: its column with what is part of the scans' names.
        group: its column of groups.
        covariates: its columns of numbers, such as ``age``; each is tested as an effect of its own as well.
        tissue: whose maps are compared, one of ``csf``, ``gm``, ``wm``.
        fwhm: smoothing of the maps, mm.
        above: least mean tissue of a voxel that is tested, 0 to 1.
        n_permutations: for family-wise correction.
        alpha: level of corrected probabilities.
        seed: of the permutations.
        page: picture page, with ``write``; None: without.
        quiet: whether to say nothing while working.

    Raises:
        ValueError: no codec is given.
    """

    def __init__(
        self,
        originals: str | Path,
        decoded: Mapping[str, str | Path],
        *,
        output_dir: str | Path,
        participants: str | Path = "",
        key: str = "participant_id",
        group: str = "group",
        covariates: Sequence[str] = (),
        tissue: str = "gm",
        fwhm: float | int = 8.0,
        above: float | int = 0.1,
        n_permutations: int = 1000,
        alpha: float = 0.05,
        seed: int = 0,
        page: Any = None,
        quiet: bool = False,
    ) -> None:
        if not decoded:
            raise ValueError("decoded={} names no codec: give a folder of tissues for each, by name")
        self.originals, self.decoded, self.output_dir = originals, decoded, Path(output_dir)
        self.participants, self.key, self.group = participants, key, group
        self.covariates = tuple(covariates)
        self.tissue, self.fwhm, self.above = tissue, fwhm, above
        self.n_permutations, self.alpha, self.seed = n_permutations, alpha, seed
        self.page, self.quiet = page, quiet

    def run(self) -> dict[str, Any]:
        """Make the study, and give what ``study.json`` holds.

        Raises:
            RuntimeError: at the end, if a scan was left out or a test could not be made.
        """
        scans, left_out = study_scans(
            self.originals,
            self.decoded,
            participants=self.participants,
            key=self.key,
            group=self.group,
            covariates=self.covariates,
        )
        rows: list[dict[str, Any]] = []
        taking_part = []
        for number, scan in enumerate(scans, start=1):
            self._say(f"{number}/{len(scans)} {scan.name}: tissues compared")
            try:
                rows += agreement_rows(scan)
            except ValueError as error:
                left_out.append({"scan": scan.name, "reason": str(error)})
                continue
            taking_part.append(scan)
        write_table(self.output_dir / "agreement.csv", rows)
        study: dict[str, Any] = {
            "scans": len(taking_part),
            "left_out": left_out,
            "agreement": agreement_summary(rows),
            "wilcoxon": {f"dice_{name}": wilcoxon_of_best(rows, f"dice_{name}") for name in TISSUES},
            "maps": [],
            "not_done": [],
        }
        stills = self._maps(taking_part, study) if taking_part else []
        self._finish(study, stills)
        return study

    def _maps(self, scans: Sequence[StudyScan], study: dict[str, Any]) -> list[Any]:
        """Voxel-based morphometry; what cannot be tested is said in ``not_done``."""
        try:
            maps = make_maps(
                scans,
                self.output_dir / "maps",
                tissue=self.tissue,
                fwhm=self.fwhm,
                above=self.above,
                on_file=lambda name: self._say(f"{name}: smoothed"),
            )
        except ValueError as error:
            study["not_done"].append(str(error))
            return []
        shown: list[tuple[str, TMap, float]] = []
        try:
            for codec, change in change_maps(maps).items():
                self._save(f"change_{codec}", change, maps)
                shown.append((f"{codec} minus original, paired", change, peak_threshold(change)))
        except ValueError as error:
            study["not_done"].append(f"paired comparison: {error}")
        if str(self.participants):
            try:
                self._say("group effects: permutations")
                study["maps"], found = compare_maps(
                    scans,
                    maps,
                    contrasts=self._contrasts(scans),
                    n_permutations=self.n_permutations,
                    alpha=self.alpha,
                    seed=self.seed,
                )
            except ValueError as error:
                study["not_done"].append(f"group comparison: {error}")
            else:
                for (contrast, source), result in found.items():
                    self._save(f"t_{contrast}_{source}", result.map, maps)
                    shown.append((f"{contrast}, {source}", result.map, peak_threshold(result.map)))
                write_table(self.output_dir / "maps.csv", study["maps"])
        if self.page is None:
            return []
        return [self.page.still(name, found, threshold, maps.affine) for name, found, threshold in shown]

    def _contrasts(self, scans: Sequence[StudyScan]) -> dict[str, dict[str, float]]:
        first, second = [*sorted({scan.group for scan in scans}), "", ""][:2]
        contrasts = {f"{first} minus {second}": {first: 1.0, second: -1.0}}
        return contrasts | {name: {name: 1.0} for name in self.covariates}

    def _finish(self, study: dict[str, Any], stills: Sequence[Any]) -> None:
        text = study_markdown(study)
        with atomic_path(self.output_dir / "study.json") as temporary:
            temporary.write_text(json.dumps(study, indent=2) + "\n", encoding="utf-8")
        with atomic_path(self.output_dir / "study.md") as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")
        if self.page is not None:
            self.page.write({**study, "markdown": text}, stills)
        print(f"\n{text}\n\noutputs: {self.output_dir.resolve()}")  # noqa: T201
        failed = [item["reason"] for item in study["left_out"]] + study["not_done"]
        if failed:
            raise RuntimeError("\n  ".join(["the study is done, but for:", *failed]))

    def _save(self, name: str, found: TMap, maps: GroupMaps) -> None:
        with atomic_path(self.output_dir / f"{plain_name(name)}.nii.gz") as temporary:
            nibabel.save(nibabel.Nifti1Image(found.t.numpy().astype(np.float32), maps.affine), temporary)

    def _say(self, words: str) -> None:
        if not self.quiet:
            print(words, file=sys.stderr, flush=True)  # noqa: T201
