import hashlib

import pytest
import torch

from mrrecon.codec import file_identity, weights_identity

STATE = {"a": torch.tensor([1.0, 2.0]), "b": torch.tensor([[3]])}


def test_weights_have_one_name_whatever_their_order():
    assert weights_identity(STATE) == weights_identity(dict(reversed(STATE.items())))
    assert len(weights_identity(STATE)) == 16


@pytest.mark.parametrize(
    "other",
    [
        {**STATE, "a": torch.tensor([1.0, 2.0000002])},
        {**STATE, "a": STATE["a"].double()},
        {**STATE, "b": torch.tensor([3])},
        {"a": STATE["a"]},
        {"c": STATE["a"], "b": STATE["b"]},
    ],
    ids=["value", "type", "shape", "missing", "name"],
)
def test_weights_that_differ_in_anything_have_another_name(other):
    assert weights_identity(other) != weights_identity(STATE)


def test_bfloat16_and_a_single_number_have_a_name():
    assert weights_identity({"a": torch.tensor(1.0, dtype=torch.bfloat16)})


def test_a_file_is_named_by_its_content(tmp_path):
    (tmp_path / "a").write_bytes(b"scan")
    assert file_identity(tmp_path / "a") == hashlib.sha256(b"4\nscan").hexdigest()[:16]


def test_a_folder_is_named_by_the_content_of_its_files_in_order(tmp_path):
    for name, content in (("2", b"b"), ("1", b"a")):
        (tmp_path / name).write_bytes(content)
    assert file_identity(tmp_path) == hashlib.sha256(b"1\na1\nb").hexdigest()[:16]
