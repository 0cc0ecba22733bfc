"""Folders of scans, and of what is made from them."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mrrecon.files import output_stem, with_ending

__all__ = ["common_folder", "name_of_output"]


def common_folder(scans: Sequence[Mapping[str, str]]) -> str:
    """The deepest folder that holds all scans of a list: outputs repeat the folders below it.

    So scans of one name in the folders of several subjects do not overwrite each other's outputs.

    Args:
        scans: as ``scan_list`` gives them.

    Raises:
        ValueError: the outputs of two scans would have one name, as of ``a.nii`` and ``a.nrrd`` in one
            folder.

    Example:
        >>> common_folder([{"image": "/study/sub-1/anat/t1.nii"}, {"image": "/study/sub-2/anat/t1.nii"}])
        '/study'
    """
    # Not Path.resolve: a link stays where it lies.
    folder = os.path.commonpath([Path(scan["image"]).absolute().parent for scan in scans])
    seen: dict[str, str] = {}
    for scan in scans:
        path, stem = scan["image"], output_stem(scan["image"], "", folder)
        if stem in seen:
            raise ValueError(f"{seen[stem]} and {path} would have outputs of one name: rename one of them")
        seen[stem] = path
    return folder


def name_of_output(metadict: Mapping[str, Any], saver: object) -> dict[str, Any]:  # noqa: ARG001 - MONAI's interface
    """What ``SaveImaged`` names an image by, for its ``output_name_formatter``: as ``output_stem``.

    Example:
        >>> name_of_output({"filename_or_obj": "/study/sub-1/t1.nii.gz"}, None)
        {'subject': '/study/sub-1/t1.nii.gz', 'idx': None}
    """
    return {"subject": with_ending(str(metadict["filename_or_obj"])), "idx": None}
