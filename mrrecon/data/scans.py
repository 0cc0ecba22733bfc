"""Scans of which one that cannot be read does not stop the others."""

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

    Example:
        >>> scans = ScanDataset([{"image": "missing.nii"}], lambda item: open(item["image"]))
        >>> scans[0]["refused"]
        "[Errno 2] No such file or directory: 'missing.nii'"
    """

    def _transform(self, index: int) -> Any:
        scan = str(self.data[index]["image"])
        try:
            return super()._transform(index)
        # MONAI makes a RuntimeError of whatever a transform raises.
        except (RuntimeError, ValueError, OSError) as error:
            reason = sentence(error)
            return {"scan": scan, "refused": reason if scan in reason else f"{scan}: {reason}"}
