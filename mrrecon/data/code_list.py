"""Code files to work on, from a file or a folder."""

from pathlib import Path

__all__ = ["code_list"]


def code_list(dataset_dir: str | Path) -> list[dict[str, str]]:
    """Code files as ``scan_list`` gives scans: ``{"image": path}``.

    Args:
        dataset_dir: a file of any name, or a folder: every ``.vqz`` under it at any depth, sorted by path,
            but hidden ones.

    Raises:
        FileNotFoundError: the path does not exist, or the folder holds no code file.
        ValueError: nothing is given.
    """
    if not str(dataset_dir):
        raise ValueError("dataset_dir is empty: give a code file (.vqz) or a folder of them")
    place = Path(dataset_dir).expanduser()
    if not place.exists():
        raise FileNotFoundError(f"dataset_dir={str(place)!r} does not exist: give a code file or a folder")
    if place.is_file():
        return [{"image": str(place)}]
    found = [
        path
        for path in sorted(place.rglob("*.vqz"))
        if not any(part.startswith(".") for part in path.relative_to(place).parts)
    ]
    if not found:
        raise FileNotFoundError(f"dataset_dir={str(place)!r} holds no code file: wanted .vqz")
    return [{"image": str(path)} for path in found]
