"""The code file that is made beside the measuring."""

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ignite.engine import Engine
from monai.data.meta_tensor import MetaTensor

from mrrecon.codec import CodecError
from mrrecon.codec.container import pack_vqz
from mrrecon.handlers import CodeFiles
from mrrecon.handlers.code_files import finish_coding


class Codec:
    """A codec whose file can be decoded, or cannot, and that waits for a sign."""

    max_error = None

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.go_on = threading.Event()

    def encode(self, image: Any, fields: list[np.ndarray], *, check: bool) -> bytes:  # noqa: ARG002
        self.go_on.wait(10)
        return pack_vqz({}, {"codes": fields[0].astype(np.uint8).tobytes()})

    def fields(self, container: Any) -> None:  # noqa: ARG002
        if self.error is not None:
            raise self.error


def coding(codec: Codec, folder: Path) -> dict[str, Any]:
    """The output of an iteration, its file not yet asked for."""
    files = CodeFiles(codec, write_decoded=lambda *_: None, network_image=lambda *_: None, output_dir=folder)
    engine = Engine(lambda *_: None)
    meta = {"filename_or_obj": ["a.nii.gz"]}
    engine.state.output = {
        "image": MetaTensor(torch.zeros(1, 1, 4, 4, 4), meta=meta),
        "codes": [torch.zeros(1, 1, 1, 1, dtype=torch.long)],
        "seconds_encode": 1.0,
        "seconds_decode": 2.0,
    }
    files.record(engine)
    return engine.state.output


def test_the_file_is_there_when_it_was_waited_for_and_not_before(tmp_path):
    output = coding(codec := Codec(), tmp_path)
    assert "bytes_file" not in output
    codec.go_on.set()
    finish_coding(output)
    assert output["bytes_file"] == (tmp_path / "a.vqz").stat().st_size
    assert output["seconds_encode"] >= 1.0
    assert output["seconds_decode"] >= 2.0


def test_waiting_twice_changes_nothing(tmp_path):
    output = coding(codec := Codec(), tmp_path)
    codec.go_on.set()
    finish_coding(output)
    before = dict(output)
    finish_coding(output)
    assert output == before


@pytest.mark.parametrize("error", [CodecError("is damaged"), OSError("no space left")])
def test_an_error_beside_reaches_who_waits_and_leaves_no_file(error, tmp_path):
    output = coding(codec := Codec(error), tmp_path)
    codec.go_on.set()
    with pytest.raises(type(error), match=str(error)):
        finish_coding(output)
    assert list(tmp_path.iterdir()) == []
