import json

import pytest
from monai.bundle import ConfigParser, ConfigWorkflow

from mrrecon.data import bundle_root

CONFIG = {
    "imports": ["$from mrrecon.data import bundle_root"],
    "bundle_root": "$bundle_root()",
    "run": ["$@bundle_root"],
}


@pytest.fixture
def bundle(tmp_path):
    configs = tmp_path / "tiny" / "configs"
    configs.mkdir(parents=True)
    (configs / "metadata.json").write_text("{}")
    (configs / "inference.json").write_text(json.dumps(CONFIG))
    return configs.parent


def read(config_file):
    flow = ConfigWorkflow(config_file=config_file, workflow_type="inference", logging_file=False)
    flow.initialize()
    return flow.parser.get_parsed_content("bundle_root")


def test_a_config_finds_its_bundle_from_another_folder(bundle, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert read(str(bundle / "configs" / "inference.json")) == str(bundle)
    assert read([str(bundle / "configs" / "inference.json")]) == str(bundle)
    assert read("tiny/configs/inference.json") == str(bundle)


def test_the_commands_of_monai_that_read_one_file_are_known(bundle, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def command(config_file):
        parser = ConfigParser()
        parser.read_config(config_file)
        return parser.get_parsed_content("bundle_root")

    assert command(str(bundle / "configs" / "inference.json")) == str(bundle)


def test_the_working_folder_is_taken_if_it_is_a_bundle(bundle, monkeypatch):
    monkeypatch.chdir(bundle)
    assert bundle_root() == str(bundle)


def test_no_bundle_is_an_error_with_a_remedy(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"is no bundle .* give --bundle_root"):
        bundle_root()
