"""Arrays beside a scan: masks, coil maps, sinograms."""

from pathlib import Path

import nibabel as nib
import numpy as np
import torch
from nibabel.filebasedimages import ImageFileError
from torch import Tensor

from mrrecon.data.kspace_bart import bart_kspace
from mrrecon.data.kspace_numpy import load_numpy

__all__ = ["read_array"]


def read_array(path: str | Path) -> Tensor:
    """Numbers of a file: NumPy's (of an ``.npz`` its only array), BART's pair (coils first) or an image.

    An image keeps its axes (x, y, z); its affine is not looked at.

    Args:
        path: the file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is broken or foreign, or holds several arrays.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "mask.npy"
        >>> np.save(path, np.ones((2, 3), bool))
        >>> read_array(path).shape
        torch.Size([2, 3])
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist: give the path of a file")
    if path.suffix in (".npy", ".npz"):
        arrays = load_numpy(path)
        if len(arrays) != 1:
            raise ValueError(f"{path} holds {', '.join(arrays) or 'nothing'}: wanted one array")
        (values,) = arrays.values()
    elif path.suffix in (".cfl", ".hdr"):
        values = bart_kspace(path).data
    else:
        try:
            values = np.asanyarray(nib.load(path).dataobj)  # type: ignore[attr-defined]
        except (ImageFileError, OSError, EOFError, ValueError) as error:
            raise ValueError(f"{path} cannot be read as an image: {error}") from error
    if values.dtype.kind not in "biufc":
        raise ValueError(f"{path} holds {values.dtype}: wanted numbers")
    if values.dtype.kind == "c":
        return torch.from_numpy(np.array(values, np.complex64))
    return torch.from_numpy(np.array(values, bool if values.dtype == bool else np.float32))
