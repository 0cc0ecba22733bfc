"""K-space and coil maps as the channels of one tensor: what ``KspaceSolver`` takes."""

from collections.abc import Callable, Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data.meta_tensor import MetaTensor
from monai.transforms.transform import MapTransform
from torch import Tensor

from mrrecon.solvers import espirit
from mrrecon.tensors import complex_to_channels
from mrrecon.transforms.placed import placed

__all__ = ["KspaceChannelsd", "sampled_middle"]

LEAST_CALIBRATION = 8


class KspaceChannelsd(MapTransform):
    """K-space (n_coils, slices, h, w) with the maps of its coils, as real channels (4 n_coils, slices, h, w).

    Maps come from a file, whose path the dictionary has under ``maps`` (or all scans share), or are estimated
    from the fully sampled middle of k-space by ESPIRiT. A mask, under ``mask`` or shared, says what counts as
    measured; without one, what is not zero was measured.

    Args:
        keys: key of the k-space, complex.
        read_array: what reads a file of maps or of a mask, by path: complex or real numbers.
        maps: file of the maps for all scans; empty: that of each scan, or an estimate.
        mask: file of the mask for all scans; empty: that of each scan, or none.
        calibration: greatest width, in samples, of the middle of k-space that is looked at; less where less
            is fully sampled.
        allow_missing_keys: pass over keys that are not there.

    Raises:
        ValueError: the image is no k-space, or the mask or the maps do not fit it.
    """

    def __init__(
        self,
        keys: KeysCollection = "image",
        *,
        read_array: Callable[[str], Tensor],
        maps: str = "",
        mask: str = "",
        calibration: int = 24,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.read_array = read_array
        self.maps = maps
        self.mask = mask
        self.calibration = calibration

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Join k-space and maps."""
        d = dict(data)
        for key in self.key_iterator(d):
            image = d[key]
            name = str(image.meta.get("filename_or_obj") or key)
            check_kspace(image, name)
            y = image.as_tensor()
            mask_file, maps_file = (str(d.pop(what, None) or own) for what, own in self._files())
            if mask_file:
                y = y * fitting_mask(self.read_array(mask_file), y, mask_file)
            if not bool(y.any()):
                raise ValueError(f"{name} is zero everywhere it was measured: there is no image in it")
            if maps_file:
                maps = fitting_maps(self.read_array(maps_file), y, maps_file)
            else:
                maps = self._estimated(y, int(image.meta["n_fourier"]), name)
            channels = complex_to_channels(torch.cat([y, maps.to(y.dtype)])[None])[0]
            d[key] = placed(channels.contiguous(), image)
        return d

    def _files(self) -> tuple[tuple[str, str], tuple[str, str]]:
        return ("mask", self.mask), ("maps", self.maps)

    def _estimated(self, y: Tensor, n_fourier: int, name: str) -> Tensor:
        if y.shape[0] == 1:
            return torch.ones_like(y)  # one coil alone sees everything alike
        problems = [y] if n_fourier == 3 else list(y.unbind(1))
        maps = []
        for one in problems:
            block = sampled_middle((one != 0).any(0), self.calibration)
            if min(block) < LEAST_CALIBRATION:
                raise ValueError(
                    f"{name} is fully sampled in the middle in {' x '.join(map(str, block))} samples, too "
                    f"few to estimate coil maps from (wanted {LEAST_CALIBRATION} along each axis): give maps"
                )
            try:
                maps.append(espirit(one, calibration=block)[0])
            except ValueError as error:
                raise ValueError(f"{name}: coil maps cannot be estimated: {error}") from error
        return maps[0] if n_fourier == 3 else torch.stack(maps, dim=1)


def sampled_middle(sampled: Tensor, most: int) -> list[int]:
    """Side lengths of a block in the middle of k-space that is fully sampled.

    Args:
        sampled: True where measured.
        most: greatest side length.

    Example:
        >>> lines = torch.tensor([True, False, True, True, True, False]).expand(4, 6)
        >>> sampled_middle(lines, 24)
        [4, 3]
    """
    full = [min(most, n) for n in sampled.shape]
    sides = [1] * sampled.ndim
    # The largest cube, then longer along each axis for which that holds.
    for side in range(max(full), 1, -1):
        cube = [min(side, n) for n in full]
        if bool(_middle(sampled, cube).all()):
            sides = cube
            break
    for axis, most_here in enumerate(full):
        for side in range(most_here, sides[axis], -1):
            longer = [side if i == axis else n for i, n in enumerate(sides)]
            if bool(_middle(sampled, longer).all()):
                sides = longer
                break
    return sides


def _middle(sampled: Tensor, sides: list[int]) -> Tensor:
    for axis, side in enumerate(sides):
        n = sampled.shape[axis]
        sampled = sampled.narrow(axis, n // 2 - side // 2, side)
    return sampled


def check_kspace(image: MetaTensor, name: str) -> None:
    """Refuse what is no k-space of coils.

    Args:
        image: coils, slices, phase encoding, readout.
        name: what to call it.

    Raises:
        ValueError: it is not complex, has other axes, or holds NaN or infinity.

    Example:
        >>> check_kspace(MetaTensor(torch.ones(1, 1, 4, 4)), "a.npy")
        Traceback (most recent call last):
        ValueError: a.npy holds real numbers: k-space must be complex
    """
    if not image.is_complex():
        raise ValueError(f"{name} holds real numbers: k-space must be complex")
    if image.ndim != 4 or "n_fourier" not in image.meta:
        raise ValueError(f"{name} is no k-space: wanted coils, slices, phase encoding, readout")
    if not bool(image.as_tensor().isfinite().all()):
        raise ValueError(f"{name} holds NaN or Inf: replace them by 0")


def fitting_mask(mask: Tensor, y: Tensor, name: str) -> Tensor:
    """A mask for k-space, if it fits.

    Args:
        mask: not 0 where measured; the last axes of k-space, or ones in place of some.
        y: k-space.
        name: what to call the mask.

    Raises:
        ValueError: it does not fit, or is empty.

    Example:
        >>> fitting_mask(torch.tensor([1, 0]), torch.ones(8, 1, 4, 2), "mask.npy")
        tensor([ True, False])
    """
    shape = tuple(mask.shape)
    fits = mask.ndim <= y.ndim and all(
        a in (1, b) for a, b in zip(shape[::-1], tuple(y.shape)[::-1], strict=False)
    )
    if not fits:
        raise ValueError(f"{name} has the shape {shape}, which does not fit k-space of {tuple(y.shape)}")
    if not bool(mask.any()):
        raise ValueError(f"{name} is an empty mask: at least one sample must be measured")
    return mask != 0


def fitting_maps(maps: Tensor, y: Tensor, name: str) -> Tensor:
    """Coil maps for k-space, if they fit.

    Args:
        maps: coils first, the shape of k-space, or without its axis of slices.
        y: k-space.
        name: what to call the maps.

    Raises:
        ValueError: their number of coils or their shape is another one, or they are not finite.

    Example:
        >>> fitting_maps(torch.ones(8, 4, 2), torch.ones(8, 3, 4, 2), "maps.npy").shape
        torch.Size([8, 3, 4, 2])
    """
    maps = maps[:, None] if maps.ndim == y.ndim - 1 else maps
    if maps.ndim == y.ndim and maps.shape[0] != y.shape[0]:
        raise ValueError(f"{name} has maps of {maps.shape[0]} coils, the k-space {y.shape[0]} coils")
    if maps.ndim != y.ndim or maps.shape[2:] != y.shape[2:] or maps.shape[1] not in (1, y.shape[1]):
        raise ValueError(
            f"{name} has the shape {tuple(maps.shape)}, which does not fit k-space of {tuple(y.shape)}"
        )
    if not bool(maps.isfinite().all()):
        raise ValueError(f"{name} holds NaN or Inf: replace them by 0")
    return maps.expand(y.shape)
