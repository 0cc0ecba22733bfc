"""NIfTI files that are whole or not there."""

from typing import Any

from monai.data.image_writer import NibabelWriter

from mrrecon.files import atomic_path

__all__ = ["AtomicNibabelWriter"]


class AtomicNibabelWriter(NibabelWriter):  # type: ignore[misc]
    """NIfTI writer for ``SaveImaged`` that never leaves half a file."""

    def write(self, filename: Any, verbose: bool = False, **obj_kwargs: Any) -> None:
        """Write the image that was set to ``filename``."""
        with atomic_path(filename) as temporary:
            super().write(temporary, verbose=verbose, **obj_kwargs)
