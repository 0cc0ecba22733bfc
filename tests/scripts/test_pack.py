import hashlib
import json
import os
import zipfile

import pack
import pytest
import torch

METADATA = {
    "version": "0.1.0",
    "changelog": {"0.1.0": "first"},
    "network_data_format": {
        "inputs": {"image": {"num_channels": 1, "spatial_shape": [4, 4], "dtype": "float32"}},
        "outputs": {"pred": {"num_channels": 2, "spatial_shape": [4, 4], "dtype": "float32"}},
    },
}
INFERENCE = {
    "network_def": {"_target_": "torch.nn.Conv2d", "in_channels": 1, "out_channels": 2, "kernel_size": 1}
}


@pytest.fixture
def bundle(tmp_path):
    root = tmp_path / "bundles" / "tiny"
    for folder in ("configs", "docs", "models"):
        (root / folder).mkdir(parents=True)
    for name in ("LICENSE", "docs/README.md", "docs/data_license.txt"):
        (root / name).write_text("words")
    (root / "configs" / "metadata.json").write_text(json.dumps(METADATA))
    (root / "configs" / "inference.json").write_text(json.dumps(INFERENCE))
    torch.save(torch.nn.Conv2d(1, 2, 1).state_dict(), root / "models" / "model.pt")
    return root


def test_a_whole_bundle_has_no_faults(bundle):
    assert pack.faults(bundle) == []


@pytest.mark.parametrize("name", pack.REQUIRED)
def test_a_missing_file_is_a_fault(bundle, name):
    (bundle / name).unlink()
    assert pack.faults(bundle) == [f"{name} is missing"]


def test_a_file_too_large_for_the_zoo_is_a_fault(bundle, monkeypatch):
    monkeypatch.setattr(pack, "MAX_BYTES", 1000)
    (bundle / "models" / "rival.pt").write_bytes(bytes(1001))
    assert "models/rival.pt has 1001 bytes: a file may have at most 1000" in pack.faults(bundle)


def test_a_version_without_a_changelog_entry_is_a_fault(bundle):
    (bundle / "configs" / "metadata.json").write_text(json.dumps(METADATA | {"version": "0.2.0"}))
    assert pack.faults(bundle) == ["metadata.json has version 0.2.0, and no entry for it in its changelog"]


def test_broken_json_is_a_fault(bundle):
    (bundle / "configs" / "train.json").write_text("{")
    assert pack.faults(bundle)[0].startswith("configs/train.json is no JSON")


def test_what_a_run_leaves_behind_stays_out(bundle):
    before = pack.bundle_files(bundle)
    for name in ("eval/a.nii.gz", "configs/__pycache__/a.pyc", ".hidden"):
        (bundle / name).parent.mkdir(parents=True, exist_ok=True)
        (bundle / name).touch()
    assert pack.bundle_files(bundle) == before


def test_the_same_files_give_the_same_bytes(bundle, tmp_path):
    first = pack.write_zip(bundle, tmp_path / "a").read_bytes()
    os.utime(bundle / "LICENSE", (0, 10**9))
    assert pack.write_zip(bundle, tmp_path / "b").read_bytes() == first


def test_a_zip_holds_the_bundle_under_its_name(bundle, tmp_path):
    with zipfile.ZipFile(pack.write_zip(bundle, tmp_path)) as archive:
        assert archive.namelist() == [f"tiny/{path.as_posix()}" for path in pack.bundle_files(bundle)]
        assert archive.read("tiny/LICENSE") == b"words"


def test_a_packed_bundle_loads_where_it_was_unpacked(bundle, tmp_path, capsys):
    assert pack.main(["-o", str(tmp_path / "dist")], bundle.parent) == 0
    target = tmp_path / "dist" / "tiny_v0.1.0.zip"
    assert capsys.readouterr().out.split()[0] == hashlib.sha256(target.read_bytes()).hexdigest()
    assert [path.name for path in target.parent.iterdir()] == [target.name]


def test_foreign_weights_are_not_packed_in_silence(bundle):
    torch.save(torch.nn.Conv2d(1, 3, 1).state_dict(), bundle / "models" / "model.pt")
    with pytest.raises(RuntimeError, match="size mismatch for weight"):
        pack.verify(bundle)


def test_an_unknown_bundle_is_named(bundle, capsys):
    assert pack.main(["giant"], bundle.parent) == 1
    assert capsys.readouterr().out == "no such bundle: giant; there are tiny\n"
