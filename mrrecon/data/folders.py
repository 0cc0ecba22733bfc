"""Folders of scans, and of what is made from them."""

import os

__all__ = ["common_folder"]


def common_folder(scans: list[dict[str, str]]) -> str:
    """The deepest folder that holds all scans of a list: outputs repeat the folders below it.

    So scans of one name in the folders of several subjects do not overwrite each other's outputs.

    Args:
        scans: as ``scan_list`` gives them.

    Example:
        >>> common_folder([{"image": "/study/sub-1/anat/t1.nii"}, {"image": "/study/sub-2/anat/t1.nii"}])
        '/study'
    """
    return os.path.commonpath([os.path.dirname(os.path.abspath(scan["image"])) for scan in scans])  # noqa: PTH100, PTH120
