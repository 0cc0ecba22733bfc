"""Files worked on one after another."""

import sys
import time
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from mrrecon.files import write_table

__all__ = ["FileLoop"]


@runtime_checkable
class Work(Protocol):
    """What is to be done with each file."""

    doing: str

    def __len__(self) -> int:
        """How many files there are."""

    def name(self, index: int) -> str:
        """Path of a file."""

    def __call__(self, index: int) -> dict[str, Any]:
        """Do it, and give a row of the table; ``seconds...`` is empty where there was nothing left to do."""


class FileLoop:
    """Work on files with a line of progress and a row of a table each; one that is refused stops no other.

    ``3/20 sub-3.nii.gz: encoding, 25,311 bytes (0.132 % of float32), 2.1 s`` goes to standard error. The
    table is written anew after each file. What goes wrong otherwise, such as a full disk, stops the loop at
    once; what is finished is kept.

    Args:
        work: what to do with each file; a ``ValueError`` of it refuses the file.
        table: CSV file of the rows.
        quiet: whether to say nothing.
    """

    def __init__(self, work: Work, *, table: str | Path, quiet: bool = False) -> None:
        self.work = work
        self.table = Path(table)
        self.quiet = quiet

    def run(self) -> list[dict[str, Any]]:
        """Work on all files, and give the rows.

        Raises:
            RuntimeError: at the end, if files were refused.
        """
        rows: list[dict[str, Any]] = []
        refused = []
        for index in range(len(self.work)):
            name = Path(self.work.name(index)).name
            self._say(f"{index + 1}/{len(self.work)} {name}: {self.work.doing}")
            start = time.perf_counter()
            try:
                row = self.work(index)
            except ValueError as error:
                refused.append(str(error))
                self._say(", refused\n")
                continue
            rows.append(row)
            write_table(self.table, rows)
            end = f"{time.perf_counter() - start:.1f} s" if _was_done(row) else "was done before"
            self._say(f", {row['bytes_file']:,} bytes ({row['percent_file']:.3f} % of float32), {end}\n")
        if len(refused) == 1 and len(self.work) == 1:
            raise RuntimeError(refused[0])
        if refused:
            head = f"{len(refused)} of {len(self.work)} files could not be worked on:"
            raise RuntimeError("\n  ".join([head, *refused]))
        return rows

    def _say(self, words: str) -> None:
        if not self.quiet:
            print(words, end="", file=sys.stderr, flush=True)  # noqa: T201


def _was_done(row: dict[str, Any]) -> bool:
    return all(value != "" for name, value in row.items() if name.startswith("seconds"))
