"""Agreement of the tissues of scan and reconstruction, and what the recorders make of it."""

import csv
import json
import math
import statistics
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from ignite.engine import Engine
from monai.data.meta_tensor import MetaTensor
from monai.engines.utils import IterationEvents

from mrrecon.handlers import CompressionRecorder, LatentRecorder, TissueDice
from mrrecon.handlers.summary import summary_of
from mrrecon.morphometry import SegmentationError

AFFINE = np.diag([10.0, 10.0, 12.0, 1.0])
RECORDERS = pytest.mark.parametrize("kind", [CompressionRecorder, LatentRecorder])
Calls = list[tuple[torch.Tensor, np.ndarray, dict[str, Any]]]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Calls of a segmentation that takes 1, 2 and 3 for CSF, grey and white matter, and 9 for no brain."""
    made: Calls = []

    def segment(image: torch.Tensor, affine: np.ndarray, **options: Any) -> SimpleNamespace:
        made.append((image, affine, options))
        if (image == 9).any():
            raise SegmentationError("the image shows no brain: a knee")
        return SimpleNamespace(probabilities=torch.stack([image.round() == k for k in (1, 2, 3)]).float())

    monkeypatch.setattr("mrrecon.handlers.tissue_dice.segment_tissues", segment)
    return made


def pair(*, n_wrong: int = 0, scan: str = "a.nii", knee: str = "") -> tuple[MetaTensor, torch.Tensor]:
    """Image of a block of white in grey matter and its reconstruction, n_wrong of 64 white voxels grey."""
    image = torch.zeros(1, 1, 16, 18, 20)
    image[..., 4:12, 4:12, 4:12] = 2
    image[..., 6:10, 6:10, 6:10] = 3
    pred = image.clone()
    white = (image[0, 0] == 3).nonzero()[:n_wrong]
    pred[0, 0, white[:, 0], white[:, 1], white[:, 2]] = 2
    (image if knee == "scan" else pred if knee else torch.zeros(1, 1, 1, 1, 1))[0, 0, 0, 0, 0] = 9
    return MetaTensor(image, affine=torch.from_numpy(AFFINE), meta={"filename_or_obj": [f"/in/{scan}"]}), pred


def recorded(recorder: Any, *pairs: tuple[MetaTensor, torch.Tensor]) -> None:
    """Let a recorder see scans and reconstructions."""

    def step(engine: Engine, both: tuple[MetaTensor, torch.Tensor]) -> None:
        engine.state.output = {
            "image": both[0],
            "pred": both[1],
            "codes": [torch.zeros(1, 2, 2, 2, dtype=torch.int64)],
            "seconds_encode": 1.0,
            "seconds_decode": 2.0,
        }
        engine.fire_event(IterationEvents.FORWARD_COMPLETED)
        engine.fire_event(IterationEvents.MODEL_COMPLETED)

    engine = Engine(step)
    engine.register_events(*IterationEvents)
    recorder.attach(engine)
    engine.run(list(pairs))


@pytest.mark.usefixtures("calls")
def test_values_are_dice_of_white_and_grey_matter_and_csf() -> None:
    values = TissueDice()(*pair(n_wrong=16), scan="a.nii")
    grey = 8**3 - 64
    assert list(values) == ["dice_wm", "dice_gm", "dice_csf"]
    assert values["dice_wm"] == pytest.approx(2 * 48 / (64 + 48), abs=1e-5)
    assert values["dice_gm"] == pytest.approx(2 * grey / (2 * grey + 16), abs=1e-5)
    assert values["dice_csf"] == 1.0  # neither has any


def test_both_are_segmented_alike_where_the_scan_lies(calls: Calls) -> None:
    image, pred = pair()
    # The background of a reconstruction is not exactly that of a scan whose skull was removed.
    pred += 0.4 * torch.rand(pred.shape, generator=torch.Generator().manual_seed(0))
    TissueDice(device="cpu")(image, pred, scan="a.nii")
    assert torch.equal(calls[0][0], image.as_tensor()[0, 0])
    assert torch.equal(calls[1][0], pred[0, 0])
    assert all(np.array_equal(affine, AFFINE) for _, affine, _ in calls)
    assert [options for *_, options in calls] == [{"brain_extracted": True, "device": "cpu"}] * 2


def test_the_reconstruction_of_a_head_is_taken_for_a_head(calls: Calls) -> None:
    image, pred = pair()
    TissueDice()(image + torch.rand(image.shape, generator=torch.Generator().manual_seed(0)), pred, scan="a")
    assert [options["brain_extracted"] for *_, options in calls] == [False, False]


@pytest.mark.parametrize(("knee", "which"), [("scan", "the scan"), ("pred", "its reconstruction")])
@pytest.mark.usefixtures("calls")
def test_what_shows_no_brain_is_named(knee: str, which: str) -> None:
    tissues = TissueDice()
    assert tissues.sentence == ""
    assert tissues(*pair(knee=knee), scan="/in/a.nii") == {}
    reason = f"{which}: the image shows no brain: a knee"
    assert tissues.not_found == [{"scan": "/in/a.nii", "reason": reason}]
    assert tissues.sentence == f"without Dice, as no tissues were found: a.nii ({reason})"


@RECORDERS
@pytest.mark.usefixtures("calls")
def test_the_summary_has_mean_deviation_and_worst_of_dice(kind: Any, tmp_path: Any, capsys: Any) -> None:
    recorded(kind(tmp_path, tissues=TissueDice()), pair(n_wrong=16), pair(n_wrong=32))
    values = [2 * 48 / (64 + 48), 2 * 32 / (64 + 32)]
    found = json.loads((tmp_path / "metrics.json").read_text())["summary"]["dice_wm"]
    expected = {"mean": statistics.fmean(values), "sd": statistics.stdev(values), "worst": min(values)}
    assert found == pytest.approx(expected, abs=1e-5)
    printed = capsys.readouterr().out
    assert "without Dice" not in printed
    for name, value in expected.items():
        assert f"{value:.3f}" in next(line for line in printed.splitlines() if line.startswith(name))


@RECORDERS
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.usefixtures("calls")
def test_a_scan_without_tissues_keeps_its_other_metrics(
    kind: Any, tmp_path: Any, capsys: Any, first: bool
) -> None:
    pairs = [pair(scan="knee.nii", knee="pred"), pair(n_wrong=16), pair(n_wrong=32)]
    recorded(kind(tmp_path, tissues=TissueDice()), *(pairs if first else pairs[::-1]))
    with (tmp_path / "metrics.csv").open(newline="") as stream:
        rows = {row["scan"]: row for row in csv.DictReader(stream)}
    assert rows["/in/knee.nii"]["dice_gm"] == ""
    assert float(rows["/in/knee.nii"]["psnr"]) < 40
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["summary"]["dice_wm"]["worst"] == pytest.approx(2 * 32 / (64 + 32), abs=1e-5)
    assert [item["scan"] for item in metrics["tissues_not_found"]] == ["/in/knee.nii"]
    assert capsys.readouterr().out.splitlines()[-1].startswith("without Dice, as no tissues were found: knee")


@RECORDERS
def test_without_the_option_no_tissues_are_looked_for(kind: Any, tmp_path: Any, calls: Calls) -> None:
    recorded(kind(tmp_path), pair(n_wrong=16))
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert not calls
    assert "tissues_not_found" not in metrics
    assert not any(name.startswith("dice") for name in [*metrics["summary"], *metrics["scans"][0]])


def test_a_standard_deviation_of_infinite_values_is_none() -> None:
    # PSNR of equal images.
    found = summary_of([{"psnr": math.inf}, {"psnr": math.inf}], {"psnr": min})["psnr"]
    assert (found["mean"], found["worst"]) == (math.inf, math.inf)
    assert math.isnan(found["sd"])
