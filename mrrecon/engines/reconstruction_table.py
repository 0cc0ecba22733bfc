"""The table of a paper: networks, resolutions and ways of training, compared on scans that none has seen."""

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from monai.data.meta_tensor import MetaTensor

from mrrecon.engines.study_scans import plain_name
from mrrecon.engines.table_method import TableMethod
from mrrecon.engines.table_scan import TableScan, write_tissues
from mrrecon.engines.table_text import table_markdown, table_summary
from mrrecon.files import atomic_path, output_stem, write_table

__all__ = ["ReconstructionTable"]

Row = dict[str, Any]


class ReconstructionTable:
    """Reconstruct scans at their network's resolution, and measure them at each.

    A scan becomes a view at each resolution. A network takes the view of its own; its reconstruction is
    compared with that view, and, resampled onto the other grids, with the other views: PSNR, MS-SSIM and
    log MMD in intensities from 0 to 1, and Dice of the tissues of reconstruction and view, each segmented on
    its own.

    Files in ``output_dir``: ``table.csv`` (a row a scan, method and resolution), ``summary.csv``,
    ``table.json``, ``table.md``, the pictures, and for ``MorphometryStudy`` the tissues of the finest views,
    ``tissues/<method>/<set>/``. Rows are kept in ``rows/``: a run that was stopped goes on, and one with
    another method computes that one alone.

    What cannot be done, a scan without tissues or weights that are not there, is named at the end and stops
    nothing else.

    Args:
        methods: the networks.
        sets: scans, ``{"image": path}``, by the name of their set.
        tested_on: name of the set by mode of training.
        read: takes ``{"image": path}``, gives the image (1, x, y, z), from 0 to 1, in its place.
        views: by resolution, what takes and gives such a dictionary; the last is the finest.
        move: (image, like) -> image on the grid of ``like``.
        output_dir: folder of the outputs.
        tissues: whether to segment; without, there is no Dice.
        device: where networks work.
        page: pictures and page, with ``picture`` and ``write``; None: without.
        quiet: whether to say nothing while working.

    Raises:
        ValueError: a method has a resolution that is no view or a mode without a set, or two are equal.
    """

    def __init__(
        self,
        methods: Sequence[TableMethod],
        *,
        sets: Mapping[str, Sequence[Mapping[str, str]]],
        tested_on: Mapping[str, str],
        read: Callable[[Mapping[str, Any]], Any],
        views: Mapping[str, Callable[[Mapping[str, Any]], Any]],
        move: Callable[[MetaTensor, MetaTensor], MetaTensor],
        output_dir: str | Path,
        tissues: bool = True,
        device: torch.device | str = "cpu",
        page: Any = None,
        quiet: bool = False,
    ) -> None:
        for method in methods:
            if method.resolution not in views:
                raise ValueError(
                    f"resolution={method.resolution!r} of {method.name} must be of {list(views)}"
                )
            if tested_on.get(method.mode) not in sets:
                raise ValueError(f"mode={method.mode!r} of {method.name} must be of {list(tested_on)}")
        names = [method.label for method in methods]
        if len(set(names)) < len(names):
            raise ValueError(f"methods={names} must differ in name, mode or resolution")
        self.methods, self.sets, self.tested_on = list(methods), sets, tested_on
        self.read, self.views, self.move = read, views, move
        self.output_dir = Path(output_dir)
        self.tissues, self.device, self.page, self.quiet = tissues, device, page, quiet
        self.left_out: list[str] = []

    def run(self) -> dict[str, Any]:
        """Make the table, and give what ``table.json`` holds.

        Raises:
            RuntimeError: at the end, if anything was left out; without any file, if no row could be made.
        """
        self.left_out = []
        methods = [method for method in self.methods if self._opened(method)]
        rows: list[Row] = []
        for name, scans in self.sets.items():
            # Scans of many folders may be called alike: their names begin with their folders.
            root = os.path.commonpath([Path(scan["image"]).parent for scan in scans]) if scans else ""
            here = [method for method in methods if self.tested_on[method.mode] == name]
            if here and not scans:
                self.left_out.append(
                    f"{name}: no scans are given, so that {len(here)} methods are not tested"
                )
            for number, scan in enumerate(scans if here else (), start=1):
                path = scan["image"]
                self._say(f"{name} {number}/{len(scans)} {Path(path).name}")
                try:
                    rows += self._scan_rows(name, path, here, output_stem(path, "", root))
                except (ValueError, OSError, RuntimeError) as error:
                    self.left_out.append(f"{path}: {str(error).partition(chr(10))[0]}")
        return self._finish(rows)

    def _opened(self, method: TableMethod) -> bool:
        try:
            method.open(self.device)
        except (OSError, ValueError) as error:
            self.left_out.append(f"{method.label}: {error}")
            return False
        return True

    def _scan_rows(self, set_name: str, path: str, methods: Sequence[TableMethod], name: str) -> list[Row]:
        """Rows of one scan: those that are kept, and those of methods that are new."""
        file = self.output_dir / "rows" / set_name / f"{name}.json"
        stat = Path(path).stat()
        identity = [str(path), stat.st_size, stat.st_mtime_ns, self.tissues, list(self.views)]
        kept = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        if kept.get("identity") != identity:
            kept = {"identity": identity, "rows": {}, "not_done": {}}
        todo = [method for method in methods if method.key not in kept["rows"]]
        if todo:
            self._measure(kept, set_name, path, todo, name=name, draws=todo == methods)
            with atomic_path(file) as temporary:
                temporary.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        self.left_out += [f"{name}: {words}" for key in kept["not_done"] for words in kept["not_done"][key]]
        return [row for method in methods for row in kept["rows"][method.key]]

    def _measure(
        self,
        kept: dict[str, Any],
        set_name: str,
        path: str,
        methods: Sequence[TableMethod],
        *,
        name: str,
        draws: bool,
    ) -> None:
        image = self.read({"image": path})
        views = {resolution: view(image)["image"] for resolution, view in self.views.items()}
        scan = TableScan(views, self.move, segments=self.tissues)
        kept["not_done"]["scan"], scan.not_done = scan.not_done, []
        finest = list(self.views)[-1]
        self._keep_tissues(scan.tissues[finest], "original", set_name, name)
        made = {}
        for method in methods:
            self._say(f"  {method.label}")
            found, volume, tissues = scan.compare(
                method(views[method.resolution].as_tensor()), method.resolution, method.label
            )
            fields = {"set": set_name, "scan": name, "method": method.name, "mode": method.mode}
            kept["rows"][method.key] = [fields | row for row in found]
            kept["not_done"][method.key], scan.not_done = scan.not_done, []
            self._keep_tissues(tissues, plain_name(method.label), set_name, f"{name}_recon")
            made[method.label] = volume
        if self.page is not None and draws:
            self.page.picture(set_name, name, scan.finest, made)

    def _keep_tissues(self, tissues: Any, source: str, set_name: str, name: str) -> None:
        if tissues is not None:
            write_tissues(tissues, self.output_dir / "tissues" / source / set_name / name)

    def _finish(self, rows: Sequence[Row]) -> dict[str, Any]:
        if not rows:
            raise RuntimeError("\n  ".join(["no row of the table could be made:", *self.left_out]))
        summary = table_summary(rows)
        table = {"summary": summary, "left_out": self.left_out}
        text = table_markdown(summary, self.left_out)
        write_table(self.output_dir / "table.csv", rows)
        write_table(self.output_dir / "summary.csv", summary)
        for ending, content in (("json", json.dumps(table, indent=2)), ("md", text)):
            with atomic_path(self.output_dir / f"table.{ending}") as temporary:
                temporary.write_text(content + "\n", encoding="utf-8")
        if self.page is not None:
            self.page.write(text)
        print(f"\n{text}\n\noutputs: {self.output_dir.resolve()}")  # noqa: T201
        if self.left_out:
            raise RuntimeError("\n  ".join(["the table is made, but for:", *self.left_out]))
        return table

    def _say(self, words: str) -> None:
        if not self.quiet:
            print(words, file=sys.stderr, flush=True)  # noqa: T201
