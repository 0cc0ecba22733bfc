"""Average brains that come with nilearn's wheel: an input that is always there."""

from importlib.util import find_spec
from pathlib import Path

__all__ = ["template_path"]

TEMPLATES = ("t1", "gm", "wm")


def template_path(name: str = "t1") -> Path:
    """File of the MNI152 template (ICBM 2009a, symmetric, 1 mm, without skull) inside nilearn's wheel.

    The file is found without importing nilearn.

    Args:
        name: ``"t1"`` (T1-weighted scan), ``"gm"`` or ``"wm"`` (fraction of grey or white matter).

    Raises:
        ValueError: there is no template of that name.
        ModuleNotFoundError: nilearn is not installed.
        FileNotFoundError: the installed nilearn keeps the file elsewhere.

    Reference:
        Fonov et al., Unbiased average age-appropriate atlases for pediatric studies, NeuroImage 2011,
        DOI 10.1016/j.neuroimage.2010.07.033

    Example:
        >>> template_path("t1").name
        'mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz'
    """
    if name not in TEMPLATES:
        raise ValueError(f"name={name!r} must be one of {', '.join(TEMPLATES)}")
    spec = find_spec("nilearn")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(
            "the MNI152 template comes with nilearn, which is not installed: pip install nilearn"
        )
    file = f"mni_icbm152_{name}_tal_nlin_sym_09a_converted.nii.gz"
    path = Path(spec.origin).parent / "datasets" / "data" / file
    if not path.is_file():
        raise FileNotFoundError(f"nilearn is installed but {path} is not there: install nilearn>=0.10.4,<1")
    return path
