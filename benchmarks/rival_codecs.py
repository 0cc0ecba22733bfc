"""Codecs of pictures and video that a volume is compared with: its slices as frames, or all in one montage.

AV1 and HEVC run in the ffmpeg that `imageio-ffmpeg` brings, JPEG XL and JPEG 2000 in `imagecodecs`.
Intensities outside [0, 1] are cut off, which below 2 % of float32 costs no rival anything. Each codec gets
the number of bits, the options and, for each scan, the arrangement of slices that suit it best, and is
tuned for PSNR where it can be. Only the coded stream is counted: no container, no shape.
"""

import math
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from PIL import Image
from slice_arrangement import Arrangement, Frames

__all__ = ["RIVALS", "THREADS", "Coded", "Rival", "percent_of_float32"]

THREADS = 2

DB_PER_E_FOLD = 5.5
"""dB of PSNR for e times the bytes, 4.9 to 6 for these codecs: to compare rates that differ little."""


class Coded(NamedTuple):
    """What a codec made of a volume: bytes, the volume decoded from them, and the seconds both took."""

    n_bytes: int
    image: np.ndarray
    seconds_encode: float
    seconds_decode: float


def percent_of_float32(n_bytes: float, n_voxels: int) -> float:
    """Size in percent of the volume as float32.

    Example:
        >>> percent_of_float32(1, 25)
        1.0
    """
    return 100 * n_bytes / (4 * n_voxels)


@dataclass(frozen=True)
class Rival:
    """A codec, what it is run with, and the qualities that make its curve.

    Args:
        name: as a table and a picture name it.
        options: what is held fixed, in words.
        knob: the option that sets the quality.
        qualities: its values, from low rates to high: 0.1 to 2 % of float32 for a brain, as far as it goes.
        bits: of a grey level.
        arrangements: those to choose from, for each scan.
        encode: (frames, quality, whether a fast preset will do) -> streams.
        decode: (streams, frames that show the shape and the type) -> frames.
    """

    name: str
    options: str
    knob: str
    qualities: tuple[int, ...]
    bits: int
    arrangements: tuple[Arrangement, ...]
    encode: Callable[[Frames, int, bool], list[bytes]]
    decode: Callable[[list[bytes], Frames], Frames]

    def setting(self, quality: int) -> str:
        """All that decides what the codec does with a scan: the key of a result."""
        return f"{self.options}, {self.knob} {quality}"

    def code(
        self, volume: np.ndarray, quality: int, *, arrangement: Arrangement, fast: bool = False
    ) -> Coded:
        """Volume, scaled to [0, 1] -> what is decoded from its code, and the cost."""
        top = 2**self.bits - 1
        integers = np.rint(np.clip(volume, 0, 1) * top).astype(np.uint8 if self.bits <= 8 else np.uint16)
        start = time.perf_counter()
        frames = arrangement.frames(integers)
        streams = self.encode(frames, quality, fast)
        middle = time.perf_counter()
        decoded = arrangement.volume(self.decode(streams, frames), volume.shape)
        end = time.perf_counter()
        image = decoded.astype(np.float32) / np.float32(top)
        return Coded(sum(map(len, streams)), image, middle - start, end - middle)

    def best_arrangement(self, volume: np.ndarray) -> Arrangement:
        """The arrangement with the highest PSNR at equal bytes, at the middle quality and a fast preset."""
        if len(self.arrangements) == 1:
            return self.arrangements[0]
        quality = self.qualities[len(self.qualities) // 2]

        def worth(arrangement: Arrangement) -> float:
            coded = self.code(volume, quality, arrangement=arrangement, fast=True)
            error = float(np.square(coded.image - volume, dtype=np.float64).mean())
            return -10 * math.log10(error) - DB_PER_E_FOLD * math.log(coded.n_bytes)

        return max(self.arrangements, key=worth)


def _ffmpeg(arguments: Sequence[str], data: bytes) -> bytes:
    import imageio_ffmpeg

    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *arguments]
    done = subprocess.run(command, input=data, capture_output=True, check=False)
    if done.returncode or not done.stdout:
        words = done.stderr.decode(errors="replace").strip()
        raise RuntimeError(f"ffmpeg ended with code {done.returncode}: {words}")
    return done.stdout


_RAW = ("-f", "rawvideo", "-pix_fmt", "gray10le")


# x265 crashes on grey frames with a side below its block of 64. Copies of the border cost next to nothing.
_LEAST_SIDE = 64


def _encode_video(frames: Frames, muxer: str, options: Sequence[str]) -> list[bytes]:
    missing = [(0, max(0, _LEAST_SIDE - side)) for side in frames.shape[1:]]
    frames = np.pad(frames, [(0, 0), *missing], mode="edge").astype("<u2")
    _, height, width = frames.shape
    source = (*_RAW, "-s", f"{width}x{height}", "-r", "25", "-i", "-")
    target = ("-threads", str(THREADS), "-f", muxer, "-")
    return [_ffmpeg([*source, *options, *target], frames.tobytes())]


def _decode_video(streams: list[bytes], like: Frames, muxer: str) -> Frames:
    source = ("-threads", str(THREADS), "-f", muxer, "-i", "-")
    data = _ffmpeg([*source, "-fps_mode", "passthrough", *_RAW, "-"], streams[0])
    n, height, width = like.shape
    frames = np.frombuffer(data, "<u2").reshape(n, max(height, _LEAST_SIDE), max(width, _LEAST_SIDE))
    return frames[:, :height, :width]


def _encode_av1(frames: Frames, quality: int, fast: bool) -> list[bytes]:
    # cpu-used 3 gains 0.1 dB, SVT-AV1 at its slow presets loses as much. One key frame.
    preset = ("-cpu-used", "6" if fast else "4")
    options = ("-c:v", "libaom-av1", *preset, "-crf", str(quality), "-b:v", "0", "-g", "9999")
    return _encode_video(frames, "obu", options)


def _encode_hevc(frames: Frames, quality: int, fast: bool) -> list[bytes]:
    # Tuned for PSNR: 0.6 dB better in it. Preset slower would gain 0.4 dB for three times the time.
    parameters = f"crf={quality}:keyint=-1:info=0:log-level=none:frame-threads=1:pools={THREADS}"
    preset = ("-preset", "fast" if fast else "slow", "-tune", "psnr")
    return _encode_video(frames, "hevc", ("-c:v", "libx265", *preset, "-x265-params", parameters))


def _encode_jpegxl(frames: Frames, quality: int, fast: bool) -> list[bytes]:
    from imagecodecs import jpegxl_encode

    # Efforts 5 and 8, and 16 bits, are worse in PSNR at equal size.
    encode = partial(
        jpegxl_encode, distance=quality, effort=4 if fast else 7, usecontainer=False, numthreads=THREADS
    )
    return [bytes(encode(frame)) for frame in frames]


def _decode_jpegxl(streams: list[bytes], like: Frames) -> Frames:
    from imagecodecs import jpegxl_decode

    return np.stack([jpegxl_decode(stream, numthreads=THREADS) for stream in streams]).reshape(like.shape)


def _encode_jpegxl_half(frames: Frames, quality: int, fast: bool) -> list[bytes]:
    halves = [np.asarray(Image.fromarray(frame).reduce(2)) for frame in frames]
    return _encode_jpegxl(np.stack(halves), quality, fast)


def _decode_jpegxl_half(streams: list[bytes], like: Frames) -> Frames:
    _, height, width = like.shape
    sides = (width + width % 2, height + height % 2)
    half = np.empty((len(streams), sides[1] // 2, sides[0] // 2), like.dtype)
    pictures = [Image.fromarray(frame) for frame in _decode_jpegxl(streams, half)]
    full = [np.asarray(picture.resize(sides, Image.Resampling.BICUBIC)) for picture in pictures]
    return np.stack(full)[:, :height, :width]


def _encode_jpeg2000(frames: Frames, quality: int, fast: bool) -> list[bytes]:  # noqa: ARG001
    from imagecodecs import jpeg2k_encode

    encode = partial(
        jpeg2k_encode,
        level=quality,
        codecformat="j2k",
        reversible=False,
        bitspersample=12,
        numthreads=THREADS,
    )
    return [bytes(encode(frame)) for frame in frames]


def _decode_jpeg2000(streams: list[bytes], like: Frames) -> Frames:
    from imagecodecs import jpeg2k_decode

    return np.stack([jpeg2k_decode(stream, numthreads=THREADS) for stream in streams]).reshape(like.shape)


_SLICES = tuple(Arrangement(axis) for axis in range(3))
# Slice by slice was never the better of the two: at 1 % of float32 it takes half as much again.
_PICTURES = (*(Arrangement(axis, montage=True) for axis in range(3)), Arrangement(2))

RIVALS = (
    Rival(
        name="AV1",
        options="libaom 10 bit, cpu-used 4",
        knob="crf",
        qualities=(60, 50, 42, 35, 27, 18),
        bits=10,
        arrangements=_SLICES,
        encode=_encode_av1,
        decode=partial(_decode_video, muxer="obu"),
    ),
    Rival(
        name="HEVC",
        options="x265 10 bit, preset slow, tune psnr",
        knob="crf",
        qualities=(40, 35, 31, 27, 23, 18),
        bits=10,
        arrangements=_SLICES,
        encode=_encode_hevc,
        decode=partial(_decode_video, muxer="hevc"),
    ),
    Rival(
        name="JPEG XL",
        options="libjxl 8 bit, effort 7",
        knob="distance",
        qualities=(19, 12, 8, 5, 3, 2),
        bits=8,
        arrangements=_PICTURES,
        encode=_encode_jpegxl,
        decode=_decode_jpegxl,
    ),
    # Distances above 20 do no better: below, only fewer pixels make fewer bytes.
    Rival(
        name="JPEG XL",
        options="libjxl 8 bit, effort 7, half the pixels a side",
        knob="distance",
        qualities=(17, 8),
        bits=8,
        arrangements=_PICTURES,
        encode=_encode_jpegxl_half,
        decode=_decode_jpegxl_half,
    ),
    Rival(
        name="JPEG 2000",
        options="openjpeg 12 bit, one quality",
        knob="dB",
        qualities=(21, 24, 27, 29, 31, 34, 38),
        bits=12,
        arrangements=_PICTURES,
        encode=_encode_jpeg2000,
        decode=_decode_jpeg2000,
    ),
)
"""The rivals, strongest first. Those of one name make one curve."""
