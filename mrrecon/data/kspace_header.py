"""The header that ISMRMRD and fastMRI files share, as far as an image needs it."""

from dataclasses import dataclass
from xml.etree import ElementTree

__all__ = ["AcquisitionHeader", "read_header"]


@dataclass(frozen=True)
class AcquisitionHeader:
    """What was encoded, and what the scanner would have made of it. Axes: readout, phase 1, phase 2.

    Args:
        trajectory: ``"cartesian"`` or another word.
        encoded: samples.
        encoded_mm: field of view that they cover, mm.
        recon: voxels of the scanner's image.
        recon_mm: field of view of it, mm.
        centres: number of the line through the middle of k-space, along both phase encodings; None where the
            header is silent.
        sizes: lines along both, one more than the greatest number; None where the header is silent.
    """

    trajectory: str
    encoded: tuple[int, int, int]
    encoded_mm: tuple[float, float, float]
    recon: tuple[int, int, int]
    recon_mm: tuple[float, float, float]
    centres: tuple[int | None, int | None]
    sizes: tuple[int | None, int | None]


def read_header(text: str | bytes) -> AcquisitionHeader:
    """Header of its XML.

    Args:
        text: the document.

    Raises:
        ValueError: it is no such document, or lacks a field.

    Example:
        >>> read_header("<a/>")
        Traceback (most recent call last):
        ValueError: the header has no encoding
    """
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ValueError(f"the header is no XML: {error}") from error
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]  # names without their namespace
    encoding = root.find("encoding")
    if encoding is None:
        raise ValueError("the header has no encoding")
    limits = [encoding.find(f"encodingLimits/kspace_encoding_step_{step}") for step in (1, 2)]
    centres = [_whole(limit, "center") for limit in limits]
    largest = [_whole(limit, "maximum") for limit in limits]
    return AcquisitionHeader(
        trajectory=(encoding.findtext("trajectory") or "cartesian").strip().lower(),
        encoded=_whole_numbers(encoding, "encodedSpace/matrixSize"),
        encoded_mm=_numbers(encoding, "encodedSpace/fieldOfView_mm"),
        recon=_whole_numbers(encoding, "reconSpace/matrixSize"),
        recon_mm=_numbers(encoding, "reconSpace/fieldOfView_mm"),
        centres=(centres[0], centres[1]),
        sizes=(
            None if largest[0] is None else largest[0] + 1,
            None if largest[1] is None else largest[1] + 1,
        ),
    )


def _numbers(encoding: ElementTree.Element, place: str) -> tuple[float, float, float]:
    try:
        x, y, z = (float(encoding.findtext(f"{place}/{axis}", "")) for axis in "xyz")
    except ValueError as error:
        raise ValueError(f"the header has no {place}") from error
    if min(x, y, z) <= 0:
        raise ValueError(f"the header has the {place} {x:g}, {y:g}, {z:g}: all must be above 0")
    return x, y, z


def _whole_numbers(encoding: ElementTree.Element, place: str) -> tuple[int, int, int]:
    x, y, z = _numbers(encoding, place)
    return int(x), int(y), int(z)


def _whole(limit: ElementTree.Element | None, name: str) -> int | None:
    text = None if limit is None else limit.findtext(name)
    return int(text) if text and text.strip().isdigit() else None
