import json

import pytest
import sync_shared

CONFIG = """{
    "_shared_": {"common.json": ["device", "paths"]},
    "lr": 1e-4,
    "device": "cpu",
    "paths": {"a": "@b", "list": [1, 2, {"c": "}, \\"device\\": 1"}]},
    "run": ["$go()"]
}
"""
MASTER = """{
    "device": "$torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')",
    "paths": {"a": "@b", "list": [1, 2, {"c": "}, \\"device\\": 1"}]}
}
"""


@pytest.fixture
def bundles(tmp_path):
    (tmp_path / "_shared").mkdir()
    (tmp_path / "_shared" / "common.json").write_text(MASTER)
    (tmp_path / "one" / "configs").mkdir(parents=True)
    (tmp_path / "one" / "configs" / "train.json").write_text(CONFIG)
    return tmp_path


def test_sections_are_the_text_between_the_signs():
    assert sync_shared.sections('{ "a" : [1,\n 2] , "b":"x"\n}\n') == {"a": "[1,\n 2]", "b": '"x"'}
    assert sync_shared.sections("{}") == {}


def test_sections_agree_with_the_json_module():
    parsed = {key: json.loads(text) for key, text in sync_shared.sections(CONFIG).items()}
    assert parsed == json.loads(CONFIG)


@pytest.mark.parametrize("text", ["[1]", '{"a": 1', '{"a": 1} 2', '{"a" 1}', '{"a": 1, "a": 2}'])
def test_what_is_no_object_is_refused(text):
    with pytest.raises(ValueError, match=r"expected|follow|twice|Expecting"):
        sync_shared.sections(text)


def test_only_the_section_that_differs_changes(bundles):
    new, differing = sync_shared.stamped(CONFIG, bundles / "_shared")
    assert differing == ["device"]
    assert new == CONFIG.replace(
        '"cpu"', json.loads('{"a": ' + json.dumps(sync_shared.sections(MASTER)["device"]) + "}")["a"]
    )


def test_check_finds_the_difference_and_writes_nothing(bundles, capsys):
    assert sync_shared.main(["--check"], bundles) == 1
    assert "one/configs/train.json: differs from _shared in device" in capsys.readouterr().out
    assert (bundles / "one" / "configs" / "train.json").read_text() == CONFIG


def test_after_stamping_nothing_differs(bundles, capsys):
    assert sync_shared.main([], bundles) == 0
    assert sync_shared.main(["--check"], bundles) == 0
    assert capsys.readouterr().out == "one/configs/train.json: stamped device\n"
    assert [path.name for path in (bundles / "one" / "configs").iterdir()] == ["train.json"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [("common.json", "other.json", "no such file"), ('"paths"]', '"nothing"]', "no such section")],
)
def test_a_copy_of_nothing_is_refused(bundles, capsys, old, new, words):
    (bundles / "one" / "configs" / "train.json").write_text(CONFIG.replace(old, new))
    assert sync_shared.main([], bundles) == 1
    assert words in capsys.readouterr().out


def test_a_config_without_the_section_is_refused(bundles):
    with pytest.raises(ValueError, match="no such section to replace"):
        sync_shared.stamped('{"_shared_": {"common.json": ["device"]}}', bundles / "_shared")


def test_the_copies_of_this_repository_are_as_their_masters():
    assert sync_shared.main(["--check"]) == 0
