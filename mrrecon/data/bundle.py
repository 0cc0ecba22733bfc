"""Where the bundle lies whose config is being read."""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["bundle_root"]


def bundle_root() -> str:
    """Folder of the bundle whose config is being evaluated, whatever the working directory.

    MONAI tells a config nothing of its own place, and ``"."`` holds only inside the bundle. The reader of the
    config is on the call stack, and knows: a ``ConfigWorkflow`` by its ``config_root_path``, the commands
    ``ckpt_export`` and ``verify_net_in_out`` by their ``config_file``. Failing both, the working directory is
    taken if it is a bundle.

    Returns:
        Absolute path of the folder that holds ``configs/``.

    Raises:
        FileNotFoundError: if no config is being read and the working directory is no bundle.
    """
    for config_folder in [*_config_folders(), Path("configs")]:
        if (config_folder / "metadata.json").is_file():
            return str(config_folder.resolve().parent)
    raise FileNotFoundError(
        f"bundle_root: {Path.cwd()} is no bundle (it has no configs/metadata.json): give --bundle_root"
    )


def _config_folders() -> Iterator[Path]:
    frame = inspect.currentframe()
    while frame is not None:
        variables = frame.f_locals
        yield from _folder(_vars_of(variables.get("self")).get("config_root_path"), levels=0)
        for name in ("config_file", "config_file_"):
            yield from _folder(variables.get(name), levels=1)
        frame = frame.f_back


def _vars_of(owner: Any) -> dict[str, Any]:
    return getattr(owner, "__dict__", None) or {}


def _folder(place: Any, *, levels: int) -> Iterator[Path]:
    if isinstance(place, (list, tuple)) and place:
        place = place[0]
    if isinstance(place, (str, Path)):
        yield Path(place) if levels == 0 else Path(place).parent
