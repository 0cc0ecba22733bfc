import pytest
from rate_distortion import FIELDS, Table


def _row(setting):
    return {**dict.fromkeys(FIELDS, 1), "codec": "AV1", "setting": setting, "percent": 0.25}


def test_a_row_is_found_again_by_a_later_run(tmp_path):
    Table(tmp_path / "table.csv").add(_row("cpu-used 4, crf 30"))
    table = Table(tmp_path / "table.csv")
    assert _row("cpu-used 4, crf 30") in table
    assert table[_row("cpu-used 4, crf 30")]["percent"] == 0.25
    assert _row("cpu-used 4, crf 31") not in table


@pytest.mark.parametrize("n_lost", [1, 4, 12])
def test_a_row_cut_off_when_a_run_was_killed_is_forgotten(tmp_path, n_lost):
    path = tmp_path / "table.csv"
    for setting in ("a", "b"):
        Table(path).add(_row(setting))
    path.write_bytes(path.read_bytes()[:-n_lost])
    table = Table(path)
    table.add(_row("c"))
    assert [_row(setting) in Table(path) for setting in "abc"] == [True, False, True]
