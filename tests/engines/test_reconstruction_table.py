"""The table of reconstructions: what it measures, keeps, leaves out and calls the best."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.data.meta_tensor import MetaTensor
from torch import nn

from mrrecon.engines import ReconstructionTable, TableMethod, table_methods
from mrrecon.engines.table_text import table_markdown, table_summary


class Scaled(nn.Module):
    """Multiplies by its one weight, and counts its calls."""

    calls = 0

    def __init__(self) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.ones(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        Scaled.calls += 1
        return self.factor * x


def load(network: nn.Module, path: str | Path) -> None:
    if not Path(path).exists():
        raise FileNotFoundError(f"{path} does not exist")
    network.load_state_dict(torch.load(path, weights_only=True))


def read(item: dict[str, Any]) -> dict[str, Any]:
    return {"image": MetaTensor(torch.from_numpy(np.load(item["image"])), affine=torch.eye(4))}


def halved(image: MetaTensor) -> MetaTensor:
    return MetaTensor(image.as_tensor()[:, ::2, ::2, ::2], affine=torch.diag(torch.tensor([2.0, 2, 2, 1])))


def move(image: MetaTensor, like: MetaTensor) -> MetaTensor:
    if image.shape[1] > like.shape[1]:
        return halved(image)
    grown = image.as_tensor().repeat_interleave(2, 1).repeat_interleave(2, 2).repeat_interleave(2, 3)
    return MetaTensor(grown, affine=like.affine)


VIEWS = {"low": lambda d: {"image": halved(d["image"])}, "high": lambda d: d}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(2):
        generator = torch.Generator().manual_seed(number)
        coarse = torch.rand(1, 16, 16, 16, generator=generator)
        scan = coarse.repeat_interleave(2, 1).repeat_interleave(2, 2).repeat_interleave(2, 3)
        np.save(tmp_path / f"scan{number}.npy", scan.numpy())
    for factor in (0.9, 0.5):
        torch.save({"factor": torch.tensor(factor)}, tmp_path / f"{factor}.pt")
    return tmp_path


def made(folder: Path, *methods: tuple[str, str, str], **options: Any) -> ReconstructionTable:
    entries = [[name, "H", where, "scaled", str(folder / weights)] for name, where, weights in methods]
    scans = [{"image": str(path)} for path in sorted(folder.glob("*.npy"))]
    return ReconstructionTable(
        table_methods(entries, networks={"scaled": Scaled()}, load=load, modes=["H"]),
        sets=options.pop("sets", {"controls": scans}),
        tested_on={"H": "controls"},
        read=read,
        views=VIEWS,
        move=move,
        output_dir=folder / "out",
        tissues=False,
        quiet=True,
        **options,
    )


def test_each_method_is_measured_at_each_resolution(folder):
    table = made(folder, ("near", "high", "0.9.pt"), ("far", "low", "0.5.pt")).run()
    lines = {(line["method"], line["metric"]): line for line in table["summary"]}
    assert {key: line["scans"] for key, line in lines.items()} == {
        ("near", "low"): 2,
        ("near", "high"): 2,
        ("far", "low"): 2,
        ("far", "high"): 2,
    }
    scans = [np.load(path) for path in sorted(folder.glob("scan*.npy"))]
    for (name, at), factor in {("near", "high"): 0.9, ("near", "low"): 0.9, ("far", "high"): 0.5}.items():
        images = [scan if at == "high" else scan[:, ::2, ::2, ::2] for scan in scans]
        errors = [((1 - factor) * image.astype(np.float64)) ** 2 for image in images]
        expected = np.mean([np.log(error.sum()) for error in errors])
        assert lines[name, at]["log_mmd"] == pytest.approx(expected, rel=1e-5)
        expected = np.mean([-10 * np.log10(error.mean()) for error in errors])
        assert lines[name, at]["psnr"] == pytest.approx(expected, rel=1e-5)
    assert lines["near", "high"]["psnr_best"] == lines["near", "high"]["log_mmd_best"] == 1
    assert lines["far", "high"]["psnr_best"] == 0


def test_a_rerun_computes_nothing_and_a_new_method_itself_alone(folder):
    made(folder, ("near", "high", "0.9.pt")).run()
    first, calls = (folder / "out/table.csv").read_text(), Scaled.calls
    made(folder, ("near", "high", "0.9.pt")).run()
    assert (folder / "out/table.csv").read_text() == first
    assert Scaled.calls == calls
    made(folder, ("near", "high", "0.9.pt"), ("far", "high", "0.5.pt")).run()
    assert Scaled.calls == calls + 2
    torch.save({"factor": torch.tensor(0.7)}, folder / "0.9.pt")  # other weights: another method
    again = made(folder, ("near", "high", "0.9.pt"), ("far", "high", "0.5.pt")).run()
    assert Scaled.calls == calls + 4
    assert len(again["summary"]) == 4


def test_another_scan_of_the_same_name_is_measured_anew(folder):
    made(folder, ("near", "high", "0.9.pt")).run()
    first = (folder / "out/table.csv").read_text()
    np.save(folder / "scan0.npy", np.load(folder / "scan0.npy")[:, ::-1].copy() ** 2)
    made(folder, ("near", "high", "0.9.pt")).run()
    assert (folder / "out/table.csv").read_text() != first


def test_scans_of_one_name_in_two_folders_stay_two(folder):
    for number in range(2):
        (folder / f"sub-{number}").mkdir()
        (folder / f"scan{number}.npy").rename(folder / f"sub-{number}" / "t1.npy")
    scans = [{"image": str(path)} for path in sorted(folder.glob("sub-*/t1.npy"))]
    made(folder, ("near", "high", "0.9.pt"), sets={"controls": scans}).run()
    lines = (folder / "out/table.csv").read_text().splitlines()[1:]
    assert [line.split(",")[1] for line in lines] == ["sub-0/t1", "sub-0/t1", "sub-1/t1", "sub-1/t1"]
    assert len(list((folder / "out/rows").rglob("*.json"))) == 2


def test_what_cannot_be_done_is_named_and_stops_nothing_else(folder):
    (folder / "scan2.npy").write_bytes(b"no array")
    np.save(folder / "scan3.npy", np.ones((1, 32, 32, 32), np.float32))
    table = made(folder, ("near", "high", "0.9.pt"), ("lost", "low", "gone.pt"))
    with pytest.raises(RuntimeError, match=r"(?s)gone.pt does not exist.*scan2.npy.*one value everywhere"):
        table.run()
    kept = json.loads((folder / "out/table.json").read_text())
    assert [line["scans"] for line in kept["summary"]] == [2, 2]
    assert len(kept["left_out"]) == 3
    assert "- " in (folder / "out/table.md").read_text()


def test_a_set_without_scans_is_named(folder):
    with pytest.raises(RuntimeError, match="controls: no scans are given"):
        made(folder, ("near", "high", "0.9.pt"), sets={"controls": []}).run()
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    ("methods", "words"),
    [
        ([("a", "middle", "0.9.pt")], "resolution='middle' of a must be of"),
        ([("a", "low", "0.9.pt"), ("a", "low", "0.5.pt")], "must differ in name, mode or resolution"),
        ([("", "low", "0.9.pt")], "must not be empty"),
    ],
)
def test_methods_that_cannot_be_told_apart_are_refused(folder, methods, words):
    with pytest.raises(ValueError, match=words):
        made(folder, *methods)


def test_a_mode_without_a_set_is_refused(folder):
    with pytest.raises(ValueError, match="mode='P' of a must be of"):
        ReconstructionTable(
            [TableMethod("a", "P", "high", Scaled(), "x", load)],
            sets={"controls": []},
            tested_on={"H": "controls"},
            read=read,
            views=VIEWS,
            move=move,
            output_dir=folder,
        )


def test_an_entry_of_the_list_has_five_words():
    with pytest.raises(ValueError, match="must be name, mode, resolution, network"):
        table_methods([["a", "H", "low", "b"]], networks={}, load=load, modes=["H"])


def rows(values: dict[str, list[float]], key: str = "log_mmd") -> list[dict[str, Any]]:
    return [
        {"method": name, "network": "high", "metric": "high", "mode": "H", "scan": f"s{i}", key: value}
        for name, column in values.items()
        for i, value in enumerate(column)
    ]


def test_the_best_discrepancy_is_the_smallest_and_certain_with_ten_scans():
    less = [1.0 + i / 100 for i in range(10)]
    summary = table_summary(rows({"a": [v + 0.5 for v in less], "b": less}))
    assert [line["log_mmd_best"] for line in summary] == [0, 2]
    text = table_markdown(summary)
    assert "**1.045 ± 0.030*** |" in text
    assert "| 1.545 ± 0.030 |" in text


def test_with_five_scans_the_best_is_not_certain():
    summary = table_summary(rows({"a": [1.0, 2, 3, 4, 5], "b": [2.0, 3, 4, 5, 6]}, "psnr"))
    assert [line["psnr_best"] for line in summary] == [0, 1]


def test_modes_and_resolutions_are_not_compared_with_each_other():
    some = rows({"a": [1.0, 2.0]}, "psnr")
    others = [row | {"mode": "P", "psnr": 9.0} for row in some] + [row | {"metric": "low"} for row in some]
    assert all(line["psnr_best"] == 0 for line in table_summary(some + others))
