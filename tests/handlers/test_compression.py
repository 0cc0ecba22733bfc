import csv
import gzip
import json
import math
import statistics
from concurrent.futures import Future

import numpy as np
import pytest
import torch
from ignite.engine import Engine
from monai.data.meta_tensor import MetaTensor
from monai.engines.utils import IterationEvents

from mrrecon.handlers import CompressionRecorder
from mrrecon.handlers.compression import code_entropy, gzipped_size
from mrrecon.threads import torch_threads


def iteration(noise, shape=(16, 18, 20)):
    """Output for an image of ones with a corner of zeros, with an error of a size."""
    image = torch.ones(1, 1, *shape)
    image[..., :8, :8, :8] = 0
    image = MetaTensor(image, meta={"filename_or_obj": [f"/in/{noise}.nii"]})
    return {
        "image": image,
        "pred": image.as_tensor() + noise,
        "codes": [torch.tensor([[[[0, 0], [7, 7]]]]), torch.tensor([[[[3]]]])],
        "seconds_encode": 1.0,
        "seconds_decode": 2.0,
    }


def recorded(recorder, *noises):
    """Engine that has run over images, with an error of each size."""

    def step(engine, noise):
        engine.state.output = iteration(noise)
        engine.fire_event(IterationEvents.FORWARD_COMPLETED)
        engine.state.output = []  # as postprocessing leaves it
        engine.fire_event(IterationEvents.MODEL_COMPLETED)

    engine = Engine(step)
    engine.register_events(*IterationEvents)
    recorder.attach(engine)
    engine.run(list(noises))
    return engine


def test_entropy_is_that_of_the_frequencies():
    p = np.array([0.5, 0.25, 0.25])
    assert code_entropy(np.array([9, 9, 1, 4])) == pytest.approx(-(p * np.log2(p)).sum())


@pytest.mark.parametrize(("factor", "steps"), [(1.0, None), (0.03125, 3.25), (1024.0, 106496.0)])
def test_the_gzipped_size_is_that_of_whole_numbers_or_else_of_4096_steps(factor, steps):
    values = np.random.default_rng(0).integers(-40, 65, (9, 10, 11)) * factor
    values[0, 0, :2] = -40 * factor, 64 * factor
    stored = values if steps is None else (values + 40 * factor) * (4095 / steps)
    stored = np.rint(stored).astype("<i2")
    assert gzipped_size(values) == len(gzip.compress(stored.tobytes(order="F"), 6))


def test_a_row_holds_what_the_codes_cost_and_keep(tmp_path):
    recorder = CompressionRecorder(tmp_path)
    recorded(recorder, 0.1)
    row = recorder.rows[0]
    n_voxels = 16 * 18 * 20
    assert row["bytes_float32"] == 4 * n_voxels
    assert row["bytes_codes"] == 5
    assert row["bytes_entropy"] == 1  # four indices at one bit, one at none
    assert row["bits_per_voxel"] == pytest.approx(8 * 5 / n_voxels, abs=1e-4)
    assert row["percent"] == pytest.approx(100 * 5 / (4 * n_voxels), abs=1e-4)
    assert row["psnr"] == pytest.approx(-20 * math.log10(0.1), abs=1e-3)
    assert row["log_mmd"] == pytest.approx(math.log(0.1**2 * n_voxels), abs=1e-3)
    assert row["perplexity"] == "2.0 1.0"


def test_the_row_waits_for_the_code_file_when_all_else_is_done(tmp_path):
    recorder, engine, coding = CompressionRecorder(tmp_path), Engine(lambda *_: None), Future()
    engine.state.output = iteration(0.1) | {"coding": coding}
    recorder.record(engine)
    assert recorder.rows == []
    coding.set_result({"bytes_file": 576, "seconds_encode": 0.25})
    recorder.finish(engine)
    row = recorder.rows[0]
    assert (row["bytes_file"], row["percent_file"], row["seconds_encode"]) == (576, 2.5, 1.25)


@pytest.mark.parametrize(("beside", "threads"), [({"coding": None}, 1), ({}, 2)])
def test_measuring_leaves_a_thread_to_the_code_file(monkeypatch, tmp_path, beside, threads):
    seen = []
    monkeypatch.setattr("mrrecon.handlers.compression.psnr", lambda *_, **__: seen.append(get()) or 0)
    get, engine = torch.get_num_threads, Engine(lambda *_: None)
    engine.state.output = iteration(0.1) | beside
    with torch_threads(2):
        CompressionRecorder(tmp_path).record(engine)
        assert (seen, get()) == ([threads], 2)


def test_codes_are_written_in_as_few_bytes_as_they_need(tmp_path):
    recorded(CompressionRecorder(tmp_path / "small", n_codes=256), 0.1)
    recorded(CompressionRecorder(tmp_path / "large", n_codes=257), 0.1)
    small, large = (np.load(tmp_path / name / "0.1_codes.npz") for name in ("small", "large"))
    assert (small["codes1"].dtype, large["codes1"].dtype) == (np.uint8, np.uint16)
    assert small["codes1"].tolist() == [[[0, 0], [7, 7]]]
    assert small["shape"].tolist() == [16, 18, 20]


def test_the_table_has_a_row_a_scan_and_is_there_before_the_end(tmp_path):
    recorder = CompressionRecorder(tmp_path)
    recorder.close = lambda _: None
    recorded(recorder, 0.1, 0.2)
    with (tmp_path / "metrics.csv").open(newline="") as stream:
        assert [row["scan"] for row in csv.DictReader(stream)] == ["/in/0.1.nii", "/in/0.2.nii"]


def test_the_summary_is_mean_deviation_and_worst(tmp_path, capsys):
    recorded(CompressionRecorder(tmp_path), 0.1, 0.2, 0.05)
    values = [-20 * math.log10(noise) for noise in (0.1, 0.2, 0.05)]
    summary = json.loads((tmp_path / "metrics.json").read_text())["summary"]["psnr"]
    assert summary["mean"] == pytest.approx(statistics.fmean(values), abs=1e-3)
    assert summary["sd"] == pytest.approx(statistics.stdev(values), abs=1e-3)
    assert summary["worst"] == pytest.approx(min(values), abs=1e-3)
    printed = capsys.readouterr().out
    assert f"{min(values):.2f}" in next(line for line in printed.splitlines() if line.startswith("worst"))


def test_a_single_scan_needs_no_summary_in_the_printed_table(tmp_path, capsys):
    recorded(CompressionRecorder(tmp_path), 0.1)
    printed = capsys.readouterr().out
    assert "0.1.nii" in printed
    assert "worst" not in printed
    assert f"outputs: {tmp_path}" in printed


def test_the_printed_table_says_bytes_percent_and_bits_per_voxel(tmp_path, capsys):
    recorded(CompressionRecorder(tmp_path), 0.1)
    head, _, line = capsys.readouterr().out.splitlines()[1:4]
    n_bytes, percent, bits = (float(word.replace(",", "")) for word in line.split()[1:4])
    n_voxels = n_bytes / (4 * percent / 100)
    assert head.split("  ")[-1] == "seconds"
    assert "% of float32  bits/voxel  PSNR, dB  MS-SSIM" in head
    assert bits == pytest.approx(8 * n_bytes / n_voxels, abs=2e-3)


def test_without_any_scan_nothing_is_written(tmp_path, capsys):
    recorder = CompressionRecorder(tmp_path / "out")
    recorder.close(Engine(lambda *_: None))
    assert not (tmp_path / "out").exists()
    assert capsys.readouterr().out == ""


def test_refused_scans_are_in_the_summary(tmp_path):
    recorder = CompressionRecorder(tmp_path)
    engine = recorded(recorder, 0.1)
    engine.refused = [{"scan": "/in/b.nii", "reason": "b.nii is empty"}]
    recorder.close(engine)
    assert json.loads((tmp_path / "metrics.json").read_text())["refused"] == engine.refused
