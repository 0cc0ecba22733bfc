"""Scans to the bytes of a code file, and back to NIfTI."""

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, cast

import nibabel as nib
import numpy as np
import torch
from monai.data.meta_tensor import MetaTensor
from monai.networks.utils import eval_mode
from torch import Tensor

from mrrecon.codec.container import CodecError, Container, read_vqz
from mrrecon.codec.context_model import ContextModel
from mrrecon.codec.histogram_model import HistogramModel
from mrrecon.codec.identity import file_identity, weights_identity
from mrrecon.codec.scan_file import pack_codes, pack_volume, scan_header, unpack_codes, unpack_volume
from mrrecon.codec.scan_header import CodesHeader, VolumeHeader
from mrrecon.data.entropy_model import EntropyModels
from mrrecon.data.stored_numbers import nifti_bytes, scale_factors, stored_numbers
from mrrecon.data.writer import form_codes, write_nifti, write_whole

__all__ = ["DecodedScan", "ScanCodec", "network_image", "write_decoded"]

RAS = ("R", "A", "S")


class DecodedScan(NamedTuple):
    """A scan from a code file: intensities if from codes, else stored numbers and their NIfTI header."""

    header: CodesHeader | VolumeHeader
    values: np.ndarray
    nifti: bytes


class ScanCodec:
    """Scans as code files: by the codes of a network, or voxel by voxel with a bounded error.

    Args:
        network: on ``device``, with its weights; has ``size_multiple``.
        inferer: a ``CodecInferer``.
        scale_of: slope and offset from the intensities of the network to those of the scan:
            ``mrrecon.transforms.intensity_scale``.
        models: entropy models of the fields.
        device: where the network is.
        n_codes: codes a level.
        max_error: largest difference of an intensity, in the units of the scan: then files hold the voxels,
            and need no network to be decoded. 0 brings whole numbers back as they are. None: codes only.

    Raises:
        ValueError: ``max_error`` is negative or no number.
    """

    def __init__(
        self,
        network: Any,
        inferer: Any,
        *,
        scale_of: Callable[[MetaTensor], tuple[float, float]],
        models: EntropyModels,
        device: torch.device | str = "cpu",
        n_codes: int = 256,
        max_error: float | int | None = None,
    ) -> None:
        if max_error is not None and not 0 <= max_error < float("inf"):
            raise ValueError(
                f"max_error={max_error} must be a number of at least 0, in the units of the scan"
            )
        self.network = network
        self.inferer = inferer
        self.scale_of = scale_of
        self.models = models
        self.device = torch.device(device)
        self.n_codes = n_codes
        self.max_error = None if max_error is None else float(max_error)

    @cached_property
    def weights(self) -> str:
        """Identity of the network's weights."""
        return weights_identity(self.network.state_dict())

    @cached_property
    def model(self) -> ContextModel | HistogramModel:
        """Entropy model of what ``encode`` writes."""
        return self.models.to_write(self.weights, self.n_codes)

    def prepare(self) -> None:
        """Find out before the first scan what the files will need, and say so where a model is missing."""
        if self.max_error is None:
            _ = self.model

    def encode(
        self, image: MetaTensor, fields: Sequence[np.ndarray] | None = None, *, check: bool = True
    ) -> bytes:
        """The code file of a scan.

        Args:
            image: scan as the network sees it, (1, D, H, W), in the orientation RAS, with its trace.
            fields: its codes, finest first, if they are known.
            check: as for ``pack_codes``; voxels are always checked.

        Raises:
            CodecError: the scan cannot be stored so.
        """
        source = str(image.meta["filename_or_obj"])
        geometry = _geometry(image)
        if self.max_error is not None:
            return self._encode_voxels(source, geometry, self.max_error)
        if fields is None:
            x = torch.as_tensor(image)[None].to(self.device)
            with eval_mode(self.network):
                codes = self.inferer.encode(x, self.network)
            fields = [field[0].cpu().numpy() for field in codes]
        slope, offset = self.scale_of(image)
        multiple = int(self.network.size_multiple)
        padded = -(-image.shape[1] // multiple) * multiple
        header = CodesHeader(
            **geometry,
            offset=offset,
            slope=slope,
            multiple=multiple,
            strides=tuple(padded // field.shape[0] for field in fields),
            n_codes=self.n_codes,
            weights=self.weights,
            model=self.model.identity,
            source=file_identity(source),
        )
        return pack_codes(header, fields, self.model, check=check)

    def _encode_voxels(self, source: str, geometry: dict[str, Any], max_error: float) -> bytes:
        scan = stored_numbers(source)
        kind = scan.values.dtype.name
        if scan.values.dtype.kind == "f" and not max_error:
            raise CodecError(
                f"{source} holds floating-point numbers ({kind}), which max_error=0 does not suit: give a "
                "max_error above 0, in the units of the scan"
            )
        header = VolumeHeader(
            **{**geometry, "data_type": kind}, max_error=max_error, source=file_identity(source)
        )
        try:
            return pack_volume(header, scan.values, error=max_error / scan.slope, nifti=scan.header)
        except ValueError as error:
            raise CodecError(f"{source}: {error}") from error

    def has(self, path: str | Path, source: str) -> bool:
        """Whether a file is there, whole, and what ``encode`` would make of a scan.

        Args:
            path: code file.
            source: scan.
        """
        if not Path(path).is_file():
            return False
        try:
            header = scan_header(read_vqz(path))
        except CodecError:
            return False
        if header.source != file_identity(source):
            return False
        if isinstance(header, VolumeHeader):
            return header.max_error == self.max_error
        wanted = (self.weights, self.model.identity)
        return self.max_error is None and (header.weights, header.model) == wanted

    def decode(self, container: Container) -> DecodedScan:
        """The scan in a code file.

        Args:
            container: as ``read_vqz`` gives it.

        Raises:
            CodecError: it is damaged, or of other weights.
        """
        header = scan_header(container)
        if isinstance(header, VolumeHeader):
            return DecodedScan(header, *unpack_volume(container))
        fields = self.fields(container)
        codes = tuple(torch.from_numpy(field.astype(np.int64))[None].to(self.device) for field in fields)
        with eval_mode(self.network):
            pred = self.inferer.decode(codes, self.network, header.ras_shape)[0, 0].cpu()
        # The arithmetic of ScaleIntensityRobustd.inverse, so that the numbers are the same to the bit.
        return DecodedScan(
            header, _turned((pred * header.slope + header.offset).numpy(), RAS, header.axes), b""
        )

    def fields(self, container: Container) -> list[np.ndarray]:
        """Fields of codes in a code file, finest first.

        Raises:
            CodecError: it is damaged, of other weights, or holds no codes.
        """
        header = scan_header(container)
        if not isinstance(header, CodesHeader):
            raise CodecError("holds a volume, and no codes")
        if header.weights != self.weights:
            raise CodecError(
                f"was made with the weights {header.weights}, and these are {self.weights}: give the file of "
                "those it was made with by --ckpt"
            )
        return unpack_codes(container, self.models.to_read(header.model, header.n_codes))


def write_decoded(scan: DecodedScan, path: str | Path) -> None:
    """Write a decoded scan as NIfTI, whole or not at all.

    Codes give float32, voxels the type of the original.

    Args:
        scan: what ``ScanCodec.decode`` gave.
        path: the file, gzipped where it ends in ``.gz``.
    """
    header = scan.header
    if scan.nifti:
        write_whole(path, nifti_bytes(scan.values, scan.nifti))
        return
    matrix = np.vstack([np.reshape(header.affine, (3, 4)), [0.0, 0.0, 0.0, 1.0]])
    image = nib.Nifti1Image(scan.values, matrix, dtype=scan.values.dtype)
    write_nifti(path, image, form_codes=header.form_codes)


def network_image(scan: DecodedScan, *, slope: float, offset: float) -> Tensor:
    """A decoded scan as the network sees it, (1, 1, D, H, W), scaled to given intensities.

    Args:
        scan: what ``ScanCodec.decode`` gave.
        slope: units of the scan per unit of the network; 0 for a constant scan.
        offset: units of the scan where the network has 0.
    """
    values: np.ndarray = scan.values.astype(np.float64)
    if scan.nifti:
        factor, constant = scale_factors(scan.nifti)
        values = values * factor + constant
    turned = _turned(values, scan.header.axes, RAS)
    return torch.from_numpy((turned - offset) / (slope or 1.0)).float()[None, None]


def _geometry(image: MetaTensor) -> dict[str, Any]:
    if (seen := nib.aff2axcodes(np.asarray(image.affine))) != RAS:
        raise ValueError(f"image must be in the orientation RAS, got {seen}")
    meta = image.meta
    affine = np.asarray(meta["original_affine"], dtype=np.float64)
    axes = "".join(nib.aff2axcodes(affine))
    shape = dict(zip(RAS, image.shape[1:], strict=True))
    code, names = meta.get("datatype"), cast("Any", nib.nifti1.data_type_codes.dtype)
    return {
        "shape": tuple(int(shape[RAS[axis]]) for axis, _ in nib.orientations.axcodes2ornt(axes).astype(int)),
        "affine": tuple(affine[:3].ravel().tolist()),
        "axes": axes,
        "form_codes": form_codes(meta),
        "data_type": np.dtype(names[int(code)]).name if code is not None else "",
    }


def _turned(volume: np.ndarray, axes: Sequence[str], wanted: Sequence[str]) -> np.ndarray:
    start, end = (nib.orientations.axcodes2ornt(tuple(names)) for names in (axes, wanted))
    turned: np.ndarray = nib.orientations.apply_orientation(
        volume, nib.orientations.ornt_transform(start, end)
    )
    return np.ascontiguousarray(turned)
