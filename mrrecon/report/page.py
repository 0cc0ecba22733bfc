"""The HTML page of a run, written one scan at a time."""

import base64
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from hashlib import sha256
from html import escape
from importlib import resources
from io import BytesIO
from pathlib import Path
from string import Template
from types import TracebackType
from typing import IO
from weakref import finalize

from mrrecon.report.colours import signed_colours
from mrrecon.report.curve import curve_section
from mrrecon.report.figure import draw_figure
from mrrecon.report.markup import (
    Value,
    codes_section,
    metrics_table,
    overview_table,
    show,
    summary_list,
)
from mrrecon.report.pictures import pictures_figure
from mrrecon.report.ranges import display_window
from mrrecon.report.scan import ScanReport
from mrrecon.report.volumes import PackedScan, pack_scan

__all__ = ["Report", "write_report"]

_HERE = "<!-- volumes -->"


def write_report(
    path: Path | str,
    scans: Iterable[ScanReport],
    *,
    title: str,
    summary: Mapping[str, Value] | None = None,
    n_embedded: int = 4,
    max_scan_bytes: int = 8_000_000,
    names: tuple[str, str] = ("original", "reconstruction"),
) -> Path:
    """Page of a run: one HTML file that needs nothing else, written once all scans have been seen.

    Of all scans it shows the metrics, the use of the codes and a still picture; of the first ``n_embedded``
    also the volumes, to scroll through. The scans are taken one by one: a generator keeps one in memory.

    Args:
        path: file to write; its folder must exist. It is replaced only when the page is complete.
        scans: any number of scans.
        title: heading of the page.
        summary: values of the run as a whole, shown on top.
        n_embedded: how many scans, the first ones, are embedded as volumes.
        max_scan_bytes: greatest length of the volumes of a scan in the file, bytes. Noisy volumes get coarser
            greys to fit, volumes too large even so are left out; the page says so.
        names: what the page calls the two volumes of a scan.

    Returns:
        The path of the page.

    Raises:
        ValueError: ``n_embedded`` is negative.
        FileNotFoundError: the folder does not exist.

    Example:
        >>> import numpy as np, tempfile
        >>> image = np.zeros((8, 8, 8))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_report(Path(folder) / "report.html", [ScanReport("a", image, image)], title="Test").name
        'report.html'
    """
    with Report(
        path, title=title, n_embedded=n_embedded, max_scan_bytes=max_scan_bytes, names=names
    ) as report:
        for scan in scans:
            report.add(scan)
        report.summary.update(summary or {})
    return report.path


class Report:
    """Page of a run that is told of its scans one after another; see ``write_report``.

    Leaving the ``with`` block writes the page; an error inside it leaves no file and an older page as it was.

    Args:
        path: file to write; its folder must exist.
        title: heading of the page.
        n_embedded: how many scans, the first ones, are embedded as volumes.
        max_scan_bytes: greatest length of the volumes of a scan in the file, bytes.
        names: what the page calls the two volumes of a scan.
        kinds: names of the tissues where the second volume shows tissues, in equal steps from the black of
            the scan's window to its white. The page then shows no difference, and names what it points at.

    Attributes:
        summary: values of the run as a whole; may be filled until the block ends.

    Example:
        >>> import numpy as np, tempfile
        >>> with (
        ...     tempfile.TemporaryDirectory() as folder,
        ...     Report(Path(folder) / "a.html", title="Run") as report,
        ... ):
        ...     report.summary["scans"] = 0
    """

    def __init__(
        self,
        path: Path | str,
        *,
        title: str,
        n_embedded: int = 4,
        max_scan_bytes: int = 8_000_000,
        names: tuple[str, str] = ("original", "reconstruction"),
        kinds: Sequence[str] = (),
    ) -> None:
        if n_embedded < 0:
            raise ValueError(f"n_embedded={n_embedded} must not be negative")
        self.path = Path(path)
        self.title = title
        self.n_embedded = n_embedded
        self.max_scan_bytes = max_scan_bytes
        self.names = names
        self.kinds = tuple(kinds)
        self.summary: dict[str, Value] = {}
        self._names: list[str] = []
        self._metrics: list[Mapping[str, Value]] = []
        self._sections: list[str] = []
        self._part = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")
        self._file: IO[str] | None = None

    def __enter__(self) -> "Report":
        self._script = "".join(map(_template, ("unpack.js", "paint.js", "report.js")))
        head, self._tail = _template("report.html").split(_HERE)
        # The browser runs this script and no other, and asks the network for nothing.
        digest = base64.b64encode(sha256(self._script.encode()).digest()).decode("ascii")
        self._file = self._part.open("w", encoding="utf-8", newline="\n")
        # A run that fails without leaving the block must not leave half a page either.
        self._end_of_part = finalize(self, _discard, self._file, self._part)
        self._file.write(
            Template(head).substitute(title=escape(self.title), style=_template("report.css"), digest=digest)
        )
        return self

    def add(self, scan: ScanReport) -> None:
        """Writes one scan; nothing of it is kept but its metrics, its still picture and the use of its codes.

        Args:
            scan: the next scan.

        Raises:
            ValueError: the report is not open.
        """
        if self._file is None:
            raise ValueError("add is for an open report: call it inside the with block")
        number = len(self._names)
        # Pictures say more than the volumes do, and stay; a still only stands in for the volumes.
        still = pictures_figure(scan.pictures) if scan.pictures else _still(scan, self.names)
        if number < self.n_embedded:
            note = self._embed(self._file, number, pack_scan(scan, max_bytes=self.max_scan_bytes))
        else:
            note = f"This page holds the volumes of its first {self.n_embedded} scans; of this one, a still."
        self._names.append(scan.name)
        self._metrics.append(dict(scan.metrics))
        self._sections.append(
            f'<section class="scan" id="scan-{number}"><h2>{escape(scan.name)}</h2>{still}'
            f'<p class="notes">{_geometry(scan)} {escape(scan.note)} {note}</p><div class="details">'
            f"{metrics_table(scan.metrics)}{codes_section(scan.codes)}{curve_section(scan.curves)}</div></section>"
        )

    def _embed(self, file: IO[str], number: int, packed: PackedScan | None) -> str:
        if packed is None:
            return f"The volumes do not fit into {show(self.max_scan_bytes)} bytes; this is a still."
        file.write(f'<script type="application/json" id="volume-{number}">')
        file.write(json.dumps(asdict(packed), allow_nan=False, separators=(",", ":")))
        file.write("</script>\n")
        return _note(packed)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is None:
            return
        file, self._file = self._file, None
        try:
            with file:
                if kind is None:
                    file.write(self._end())
            if kind is None:
                self._part.replace(self.path)
        finally:
            self._end_of_part()

    def _end(self) -> str:
        options = "".join(
            f'<option value="{number}">{escape(name)}</option>' for number, name in enumerate(self._names)
        )
        several = len(self._names) > 1
        return Template(self._tail).substitute(
            title=escape(self.title),
            summary=summary_list(self.summary),
            options=options,
            choice="" if several else " hidden",
            sections="".join(self._sections) or "<p>There are no scans.</p>",
            overview=(
                f"<section><h2>All scans</h2>{overview_table(self._names, self._metrics)}</section>"
                if several
                else ""
            ),
            colours=json.dumps(signed_colours().tolist(), separators=(",", ":")),
            names=json.dumps(self.names).replace("<", "\\u003c"),
            kinds=escape(json.dumps(self.kinds)),
            script=self._script,
        )


def _discard(file: IO[str], part: Path) -> None:
    file.close()
    part.unlink(missing_ok=True)


def _template(name: str) -> str:
    return resources.files("mrrecon.report").joinpath(name).read_text(encoding="utf-8")


def _still(scan: ScanReport, names: tuple[str, str]) -> str:
    file = BytesIO()
    draw_figure(
        scan.original,
        scan.reconstruction,
        data_range=display_window(scan.original),
        difference_range=None,
        spacing=scan.spacing,
        axis_codes=scan.axis_codes,
        width=840,
        names=names,
    ).save(file, "JPEG", quality=85)
    data = base64.b64encode(file.getvalue()).decode("ascii")
    first, second = (escape(name) for name in names)
    return (
        '<figure class="still"><img alt="Axial, coronal and sagittal slices through the middle of '
        f'the {first}, the {second} and their difference" src="data:image/jpeg;base64,{data}">'
        "<figcaption>Middle slices; the patient's right is on the left, the front on the left. "
        f"Difference: {second} minus {first}.</figcaption></figure>"
    )


def _geometry(scan: ScanReport) -> str:
    sizes = " × ".join(str(n) for n in scan.original.shape)
    lengths = " × ".join(f"{length:.3g}" for length in scan.spacing)
    return f"{sizes} voxels of {lengths} mm; their indices grow towards {', '.join(scan.axis_codes)}."


def _note(packed: PackedScan) -> str:
    notes = []
    if packed.clipped > 0:
        low, high = packed.range
        notes.append(
            f"{show(100 * packed.clipped)} % of the voxels lie outside {show(low)} to {show(high)} "
            "and are shown as the nearer of the two."
        )
    levels = packed.original.n_levels, packed.difference.n_levels
    if min(levels) < 255:
        notes.append(
            f"To keep this file small, the volumes are shown in coarse steps: {levels[0]} greys, "
            f"{levels[1]} colours of the difference."
        )
    return " ".join(notes)
