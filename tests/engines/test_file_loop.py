import csv
from pathlib import Path
from typing import Any

import pytest

from mrrecon.engines import FileLoop


class Squares:
    """Work that refuses what is negative and has done 0 before."""

    doing = "squaring"

    def __init__(self, *numbers: int) -> None:
        self.numbers = numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def name(self, index: int) -> str:
        return f"folder/{self.numbers[index]}.nii"

    def __call__(self, index: int) -> dict[str, Any]:
        number = self.numbers[index]
        if number < 0:
            raise ValueError(f"{number} is negative")
        return {"bytes_file": number**2, "percent_file": 1.0, "seconds_encode": 0.5 if number else ""}


def rows_of(table: Path) -> list[str]:
    with table.open() as stream:
        return [row["bytes_file"] for row in csv.DictReader(stream)]


def test_each_file_has_a_row_and_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    FileLoop(Squares(3, 0), table=tmp_path / "out" / "a.csv").run()
    lines = capsys.readouterr().err.splitlines()
    assert rows_of(tmp_path / "out" / "a.csv") == ["9", "0"]
    assert lines[0].startswith("1/2 3.nii: squaring, 9 bytes (1.000 % of float32), ")
    assert lines[1] == "2/2 0.nii: squaring, 0 bytes (1.000 % of float32), was done before"


def test_a_refused_file_stops_no_other_and_is_named_at_the_end(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"1 of 3 files could not be worked on:\n  -1 is negative"):
        FileLoop(Squares(2, -1, 3), table=tmp_path / "a.csv", quiet=True).run()
    assert rows_of(tmp_path / "a.csv") == ["4", "9"]


def test_the_only_file_is_refused_in_its_own_words(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"^-1 is negative$"):
        FileLoop(Squares(-1), table=tmp_path / "a.csv", quiet=True).run()
    assert not (tmp_path / "a.csv").exists()
