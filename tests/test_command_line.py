import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from mrrecon.command_line import refuse_unknown_options

ROOT = Path(__file__).resolve().parent.parent
CONFIGS = sorted(
    path
    for path in [*ROOT.glob("bundles/*/configs/*.json"), *ROOT.glob("scripts/*/*.json")]
    if "initialize" in json.loads(path.read_text(encoding="utf-8"))
)
PAGES = [
    ROOT / "README.md",
    *ROOT.glob("docs/*.md"),
    *ROOT.glob("bundles/*/docs/*.md"),
    *ROOT.glob("scripts/*/*.md"),
]
COMMAND = re.compile(r"^python -m monai\.bundle run (?:\w+ )?(--config_file .*)$", re.MULTILINE)
MONAI = "site-packages/monai/bundle/__main__.py"


@pytest.fixture
def config(tmp_path):
    (tmp_path / "inference.json").write_text(json.dumps({"dataset_dir": "", "network_def": {}, "run": []}))
    (tmp_path / "evaluate.json").write_text(json.dumps({"methods": []}))
    return str(tmp_path / "inference.json")


@pytest.mark.parametrize(
    "options",
    [
        ["--dataset_dir", "scans"],
        ["--dataset-dir=scans"],
        ["--network_def::channels", "[4,8]", "--network_def#norm", "instance"],
        ["--_meta_::version", "1.0.0", "--tracking", "mlflow"],
        ["--dataset_dir", "-1"],
        ["--dataset_dir", "--", "--unknown", "of fire"],
    ],
)
def test_entries_of_the_config_and_arguments_of_monai_pass(config, options):
    refuse_unknown_options([MONAI, "run", "--config_file", config, *options])
    refuse_unknown_options([MONAI, "run", "encode", f"--config-file={config}", *options])


def test_a_slip_of_the_pen_is_named_with_what_was_meant(config):
    with pytest.raises(
        ValueError, match=r"^--data_set_dir is no option of .*: did you mean --dataset_dir\?$"
    ):
        refuse_unknown_options([MONAI, "run", "--config_file", config, "--data_set_dir", "scans"])
    with pytest.raises(ValueError, match=r"^--data_set_dir, --q are no options of .*mean --dataset_dir\?$"):
        refuse_unknown_options([MONAI, "run", "--config_file", config, "--data_set_dir=scans", "--q"])
    with pytest.raises(ValueError, match=r"^--q is no option of .*: the options are the entries of that"):
        refuse_unknown_options([MONAI, "run", "--config_file", config, "-q", "1"])


def test_options_of_the_second_of_two_configs_are_known(config):
    other = config.replace("inference", "evaluate")
    for both in (f"['{config}','{other}']", f"{config},{other}"):
        refuse_unknown_options([MONAI, "run", "--config_file", both, "--methods", "['tv']"])
    with pytest.raises(ValueError, match=r"--methods is no option of \S+inference\.json"):
        refuse_unknown_options([MONAI, "run", "--config_file", config, "--methods", "['tv']"])


def test_a_file_of_arguments_may_name_the_config(config, tmp_path):
    (tmp_path / "arguments.json").write_text(json.dumps({"config_file": config}))
    told = [MONAI, "run", "--args_file", str(tmp_path / "arguments.json")]
    refuse_unknown_options([*told, "--dataset_dir", "scans"])
    with pytest.raises(ValueError, match="--data_set_dir is no option"):
        refuse_unknown_options([*told, "--data_set_dir", "scans"])


def test_another_program_has_options_of_its_own(config, monkeypatch):
    refuse_unknown_options(["monailabel", "start_server", "--config_file", config, "--conf", "x"])
    refuse_unknown_options([MONAI, "ckpt_export", "network_def", "--config_file", config, "--filepath", "x"])
    monkeypatch.setattr(sys, "argv", [MONAI, "run", "--config_file", config, "--conf", "x"])
    with pytest.raises(ValueError, match="--conf is no option"):
        refuse_unknown_options()


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_each_config_refuses_them_before_it_does_anything_else(path):
    first = json.loads(path.read_text(encoding="utf-8"))["initialize"][:2]
    assert first == ["$explain_errors()", "$refuse_unknown_options()"]


def test_a_bundle_ends_with_one_sentence_and_writes_nothing(tmp_path):
    config = ROOT / "bundles" / "image_restoration" / "configs" / "inference.json"
    options = ["--data_set_dir", "scans", "--output_dir", str(tmp_path / "out")]
    command = [sys.executable, "-m", "monai.bundle", "run", "--config_file", str(config), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    said = f"error: --data_set_dir is no option of {config}: did you mean --dataset_dir?"
    assert done.stderr.strip().splitlines()[-1] == said
    assert not (tmp_path / "out").exists()


def test_no_page_gives_an_option_that_is_not_there(monkeypatch):
    monkeypatch.chdir(ROOT)
    commands = [found for page in PAGES for found in COMMAND.findall(page.read_text(encoding="utf-8"))]
    assert len(commands) > 30
    for command in commands:
        refuse_unknown_options([MONAI, "run", *shlex.split(command, comments=True)])
