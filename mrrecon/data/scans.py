"""Scans of which one that cannot be read does not stop the others."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from monai.data.dataset import Dataset

from mrrecon.errors import sentence

__all__ = ["ScanDataset"]


class ScanDataset(Dataset):
    """Data set that gives, for a scan that a transform refuses, the reason instead of an image.

    Such an item is ``{"scan": path, "refused": sentence}``. ``CompressionEvaluator`` passes over it, and ends
    with an error that names it.

    Args:
        data: scans, as ``scan_list`` gives them.
        transform: what reads and prepares them.
        check: called with the path before anything is read; what it raises refuses the scan.

    Example:
        >>> scans = ScanDataset([{"image": "missing.nii"}], lambda item: open(item["image"]))
        >>> scans[0]["refused"]
        "[Errno 2] No such file or directory: 'missing.nii'"
    """

    def __init__(self, data: Any, transform: Any = None, check: Callable[[str], None] | None = None) -> None:
        super().__init__(data, transform)
        self.check = check

    def _transform(self, index: int) -> Any:
        scan = str(self.data[index]["image"])
        try:
            if Path(scan).is_file() and Path(scan).stat().st_size == 0:
                raise ValueError(f"{scan} is an empty file: give a scan, or take the file away")
            if self.check is not None:
                self.check(scan)
            return super()._transform(index)
        # MONAI makes a RuntimeError of whatever a transform raises.
        except (RuntimeError, ValueError, OSError) as error:
            reason = sentence(error)
            return {"scan": scan, "refused": reason if scan in reason else f"{scan}: {reason}"}
