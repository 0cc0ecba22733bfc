"""The code file of each scan of a compression run."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from ignite.engine import Engine
from monai.data.utils import decollate_batch
from monai.engines.utils import IterationEvents

from mrrecon.codec.container import unpack_vqz
from mrrecon.files import atomic_path, output_stem

__all__ = ["CodeFiles", "finish_coding", "is_coding"]

CODING = "coding"
"""Under this name the output of an iteration holds what is not finished yet."""


def is_coding(output: dict[str, Any]) -> bool:
    """Whether the code file of an iteration is being made in another thread."""
    return CODING in output


def finish_coding(output: dict[str, Any]) -> None:
    """Wait for the code file of an iteration, where one is being made, and add to the output what it gives.

    Args:
        output: of the iteration, changed in place.

    Raises:
        CodecError: the scan cannot be coded.
        OSError: the file cannot be written.
    """
    coding = output.pop(CODING, None)
    if coding is not None:
        for name, value in coding.result().items():
            output[name] = output.get(name, 0) + value


class CodeFiles:
    """Handler of a ``CompressionEvaluator`` that makes the code file of each scan, and decodes it again.

    It comes before the handler that measures, and adds to the output of the iteration ``bytes_file``, and to
    ``seconds_encode`` and ``seconds_decode`` what the file costs. Codes are coded and decoded in a thread of
    their own while the scan is being measured and its image written: ``finish_coding`` waits for it. Where
    files hold the voxels (``max_error``), which are to be measured, nothing is put off: ``pred`` becomes what
    the file gives back, and ``<name>_recon.nii.gz`` is written here, in the type of the scan's own numbers.

    Args:
        codec: a ``ScanCodec``.
        write_decoded: writes a decoded scan: ``mrrecon.data.write_decoded``.
        network_image: a decoded scan as the network sees it: ``mrrecon.data.network_image``.
        output_dir: folder of the outputs.
        data_root_dir: folders of the scans below it are repeated below ``output_dir``.
        write_files: whether to keep the files.
        write_images: whether to write images.
    """

    def __init__(
        self,
        codec: Any,
        *,
        write_decoded: Callable[..., None],
        network_image: Callable[..., Any],
        output_dir: str | Path,
        data_root_dir: str = "",
        write_files: bool = True,
        write_images: bool = True,
    ) -> None:
        self.codec = codec
        self.write_decoded = write_decoded
        self.network_image = network_image
        self.output_dir = output_dir
        self.data_root_dir = data_root_dir
        self.write_files = write_files
        self.write_images = write_images
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="code-file")
        self._output: dict[str, Any] = {}

    def attach(self, engine: Engine) -> None:
        """Hear the evaluator."""
        self.codec.prepare()
        engine.add_event_handler(IterationEvents.FORWARD_COMPLETED, self.record)
        engine.add_event_handler(IterationEvents.MODEL_COMPLETED, self.finish)

    def record(self, engine: Engine) -> None:
        """Code the scan of the iteration, which came in a batch of one."""
        output: Any = engine.state.output
        image = decollate_batch(output["image"])[0]
        fields = [field[0].cpu().numpy() for field in output["codes"]]
        stem = output_stem(str(image.meta["filename_or_obj"]), self.output_dir, self.data_root_dir)
        if self.codec.max_error is None:
            self._output = output
            output[CODING] = self._beside.submit(self._coded, image, fields, f"{stem}.vqz")
            return
        start = time.perf_counter()
        content = self.codec.encode(image, fields, check=False)
        output["seconds_encode"] += time.perf_counter() - start
        output["bytes_file"] = len(content)
        start = time.perf_counter()
        scan = self.codec.decode(unpack_vqz(content))
        slope, offset = self.codec.scale_of(image)
        output["pred"] = self.network_image(scan, slope=slope, offset=offset).to(output["pred"])
        if self.write_images:
            self.write_decoded(scan, f"{stem}_recon.nii.gz")
        output["seconds_decode"] += time.perf_counter() - start
        self._write(content, f"{stem}.vqz")

    def finish(self, engine: Engine) -> None:  # noqa: ARG002 - ignite's interface
        """Wait for the file, if no other handler did."""
        output, self._output = self._output, {}
        finish_coding(output)

    def _coded(self, image: Any, fields: Sequence[np.ndarray], path: str) -> dict[str, Any]:
        # Other work goes on beside: the time of this thread is what it would take alone.
        start = time.thread_time()
        content = self.codec.encode(image, fields, check=False)
        middle = time.thread_time()
        self.codec.fields(unpack_vqz(content))  # which is the check, against the proof in the file
        end = time.thread_time()
        self._write(content, path)
        return {"bytes_file": len(content), "seconds_encode": middle - start, "seconds_decode": end - middle}

    def _write(self, content: bytes, path: str) -> None:
        if self.write_files:
            with atomic_path(path) as temporary:
                temporary.write_bytes(content)
