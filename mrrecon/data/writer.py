"""NIfTI files that are whole or not there."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from isal import igzip
from monai.data.image_writer import NibabelWriter

from mrrecon.files import atomic_path

__all__ = ["AtomicNibabelWriter"]


class AtomicNibabelWriter(NibabelWriter):
    """NIfTI writer for ``SaveImaged`` that never leaves half a file.

    The header says millimetres, and repeats the codes of the source's own two affines where it had them: an
    affine that the source did not vouch for is not vouched for here.
    """

    _source: Mapping[str, Any] = {}

    def set_data_array(
        self, data_array: Any, channel_dim: Any = 0, squeeze_end_dims: bool = True, **options: Any
    ) -> None:
        """Take over the numbers. The axis of a single channel is left out, never one of space."""
        super().set_data_array(data_array, channel_dim, squeeze_end_dims=False, **options)
        if squeeze_end_dims and self.data_obj.shape[-1] == 1:
            self.data_obj = self.data_obj.squeeze(-1)

    def set_metadata(
        self, meta_dict: Mapping[str, Any] | None, resample: bool = True, **options: Any
    ) -> None:
        """Take over the affine and, of a NIfTI source, what its affines are codes for."""
        self._source = meta_dict or {}
        if resample or "affine" not in self._source:
            super().set_metadata(meta_dict, resample=resample, **options)
        else:
            self.affine = np.asarray(self._source["affine"])

    def write(self, filename: Any, verbose: bool = False, **obj_kwargs: Any) -> None:  # noqa: ARG002
        """Write the image that was set to ``filename``, gzipped where that ends in ``.gz``."""
        image = self.create_backend_obj(
            self.data_obj, affine=self.affine, dtype=self.output_dtype, **obj_kwargs
        )
        write_nifti(filename, image, form_codes=form_codes(self._source))


def form_codes(source: Mapping[str, Any]) -> tuple[int, int]:
    """NIfTI's codes of the qform and the sform that an image made from a source is to have.

    Args:
        source: metadata of the source, as a reader gives them.

    Example:
        >>> form_codes({}), form_codes({"qform_code": 0, "sform_code": 0})
        ((1, 1), (0, 1))
    """
    return int(source.get("qform_code", 1)), int(source.get("sform_code", 1)) or 1


def write_nifti(path: str | Path, image: nib.Nifti1Image, *, form_codes: tuple[int, int]) -> None:
    """Write an image, whole or not at all, with its one affine in both places and in mm.

    Args:
        path: the file, gzipped where it ends in ``.gz``.
        image: the image.
        form_codes: codes of the qform and of the sform.
    """
    affine = np.asarray(image.affine)
    image.set_qform(affine, code=form_codes[0])
    image.set_sform(affine, code=form_codes[1])
    image.header.set_xyzt_units("mm")
    with _opened(path) as stream:
        image.to_stream(stream)


def write_whole(path: str | Path, content: bytes) -> None:
    """Write a file, whole or not at all, gzipped where its name ends in ``.gz``.

    Args:
        path: the file, whose folder is made.
        content: what it is to hold.
    """
    with _opened(path) as stream:
        stream.write(content)


@contextmanager
def _opened(path: str | Path) -> Iterator[Any]:
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        if temporary.suffix == ".gz":
            # Mantissas do not repeat: higher levels gain less than 1 %. Without name and time, so that equal
            # images are equal files.
            with igzip.IGzipFile(filename="", mode="wb", compresslevel=1, fileobj=file, mtime=0) as stream:
                yield stream
        else:
            yield file
