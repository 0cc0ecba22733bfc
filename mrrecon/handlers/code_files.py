"""The code file of each scan of a compression run."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ignite.engine import Engine
from monai.data.utils import decollate_batch
from monai.engines.utils import IterationEvents

from mrrecon.codec.container import unpack_vqz
from mrrecon.files import atomic_path, output_stem

__all__ = ["CodeFiles"]


class CodeFiles:
    """Handler of a ``CompressionEvaluator`` that makes the code file of each scan, and decodes it again.

    It comes before the handler that measures, and adds to the output of the iteration ``bytes_file``, and to
    ``seconds_encode`` and ``seconds_decode`` what the file costs. Where files hold the voxels
    (``max_error``), ``pred`` becomes what the file gives back, and ``<name>_recon.nii.gz`` is written here,
    in the type of the scan's own numbers.

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

    def attach(self, engine: Engine) -> None:
        """Hear the evaluator."""
        self.codec.prepare()
        engine.add_event_handler(IterationEvents.FORWARD_COMPLETED, self.record)

    def record(self, engine: Engine) -> None:
        """Code the scan of the iteration, which came in a batch of one."""
        output: Any = engine.state.output
        image = decollate_batch(output["image"])[0]
        stem = output_stem(str(image.meta["filename_or_obj"]), self.output_dir, self.data_root_dir)
        start = time.perf_counter()
        content = self.codec.encode(image, [field[0].cpu().numpy() for field in output["codes"]], check=False)
        output["seconds_encode"] += time.perf_counter() - start
        output["bytes_file"] = len(content)
        start = time.perf_counter()
        if self.codec.max_error is None:
            self.codec.fields(unpack_vqz(content))  # which is the check, against the proof in the file
        else:
            scan = self.codec.decode(unpack_vqz(content))
            slope, offset = self.codec.scale_of(image)
            output["pred"] = self.network_image(scan, slope=slope, offset=offset).to(output["pred"])
            if self.write_images:
                self.write_decoded(scan, f"{stem}_recon.nii.gz")
        output["seconds_decode"] += time.perf_counter() - start
        if self.write_files:
            with atomic_path(f"{stem}.vqz") as temporary:
                temporary.write_bytes(content)
