"""Images turned and laid side by side, so that the compiled loops over rays handle several at a time."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from typing import Any, no_type_check

import numba
import numpy as np
import torch
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from mrrecon.operators.ray_plan import Turn

__all__ = ["PLAIN", "gather", "prepare", "run", "scatter", "turn", "turn_back"]

PLAIN = {"cache": True, "nogil": True, "error_model": "numpy"}

_LEAST_LANES, _MOST_LANES = 4, 16
"""Fewer cost as much as four, and each number of lanes is compiled anew."""
_ROWS = 8
"""Rows of an image that are filled at a time, while they are at hand."""
_WORK = 1 << 18
"""Crossings below which a second thread costs more than it saves."""


def prepare(x: np.ndarray, shape: tuple[int, int], turns: Sequence[Turn]) -> tuple[Any, Any, Any]:
    """Room for the turned images, where they find their pixels, and the lanes as a type.

    Args:
        x: images (count, rows, columns).
        shape: rows and columns of a turned image.
        turns: how an image is turned, lane by lane.
    """
    rows, columns = shape
    starts, steps = [], []
    for transpose, flip_rows, flip_columns in turns:
        down, right = (1, rows) if transpose else (columns, 1)
        starts.append((rows - 1) * down * flip_rows + (columns - 1) * right * flip_columns)
        steps.append((down * (-1) ** flip_rows, right * (-1) ** flip_columns, transpose))
    together = 1  # images whose pixels lie side by side
    while len(turns) * together < (_MOST_LANES if together < len(x) else _LEAST_LANES):
        together *= 2
    # The compiler has to know the number of lanes, and a tuple's length is part of its type.
    lanes = (0,) * (len(turns) * together)
    turned = np.empty((-(-len(x) // together), rows * (columns + 2) * len(lanes)), x.dtype)
    return turned, (rows, columns, np.array(starts), np.array(steps)), lanes


def run(steps: Sequence[Callable[[int, int], None]], work: int) -> None:
    """One step after the other, each cut into shares for as many threads as torch may use.

    Threads of Python's own, for the kernels let go of its lock: unlike those of OpenMP they do no harm to a
    process that forks later, as the workers of a data loader do.

    Args:
        steps: functions of the number of a share and the number of shares.
        work: crossings, lane by lane.
    """
    threads = torch.get_num_threads() if work > _WORK else 1
    if threads == 1:
        for step in steps:
            step(0, 1)
        return
    shares = 4 * threads
    with ThreadPoolExecutor(threads) as pool:
        for step in steps:
            for _ in pool.map(step, range(shares), repeat(shares)):
                pass


@no_type_check
def _vector(context, builder, array_type, array, place, lanes):
    """Pointer to the lanes that begin at an element."""
    data = context.make_array(array_type)(context, builder, array).data
    vector = ir.VectorType(context.get_data_type(array_type.dtype), lanes.count)
    return builder.bitcast(builder.gep(data, [place]), vector.as_pointer())


@no_type_check
def _spread(builder, number, vector):
    """A vector of one number."""
    nothing, count = ir.Constant(vector, ir.Undefined), vector.count
    one = builder.insert_element(nothing, number, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(
        one, nothing, ir.Constant(ir.VectorType(ir.IntType(32), count), [0] * count)
    )


@intrinsic
@no_type_check
def gather(_typing, sums, place, pixels, left, near, far, lanes):
    """``sums[place] += near * pixels[left] + far * pixels[left + 1]`` in every lane."""

    def code(context, builder, signature, arguments):
        kinds = signature.args
        align = kinds[0].dtype.bitwidth // 8
        here = _vector(context, builder, kinds[0], arguments[0], arguments[1], lanes)
        right = builder.add(arguments[3], ir.Constant(arguments[3].type, lanes.count))
        total = builder.load(here, align=align)
        for at, weight in ((arguments[3], arguments[4]), (right, arguments[5])):
            pixel = builder.load(_vector(context, builder, kinds[2], arguments[2], at, lanes), align=align)
            share = builder.fmul(_spread(builder, weight, pixel.type), pixel, flags=("contract",))
            total = builder.fadd(total, share, flags=("contract",))
        builder.store(total, here, align=align)
        return context.get_dummy_value()

    return types.void(sums, place, pixels, left, near, far, lanes), code


@intrinsic
@no_type_check
def scatter(_typing, pixels, left, values, place, near, far, lanes):
    """``pixels[left] += near * values[place]``, ``pixels[left + 1] += far * values[place]``."""

    def code(context, builder, signature, arguments):
        kinds = signature.args
        align = kinds[0].dtype.bitwidth // 8
        value = builder.load(
            _vector(context, builder, kinds[2], arguments[2], arguments[3], lanes), align=align
        )
        right = builder.add(arguments[1], ir.Constant(arguments[1].type, lanes.count))
        places = [
            _vector(context, builder, kinds[0], arguments[0], at, lanes) for at in (arguments[1], right)
        ]
        shares = [builder.fmul(_spread(builder, weight, value.type), value) for weight in arguments[4:6]]
        for at, share in zip(places, shares, strict=True):
            builder.store(builder.fadd(builder.load(at, align=align), share), at, align=align)
        return context.get_dummy_value()

    return types.void(pixels, left, values, place, near, far, lanes), code


@numba.njit(**PLAIN)
@no_type_check
def turn(x, turned, grid, lanes, share, shares):
    """Images to turned images, pixel by pixel, with a zero on either side of every row."""
    rows, columns, starts, steps = grid
    n, pitch = len(lanes), (columns + 2) * len(lanes)
    together = n // starts.size
    for task in range(
        turned.shape[0] * rows * share // shares, turned.shape[0] * rows * (share + 1) // shares
    ):
        number, row = task // rows, task % rows
        line = turned[number, row * pitch : (row + 1) * pitch]
        line[:] = 0
        for lane in range(n):
            image, way = number * together + lane // starts.size, lane % starts.size
            if image < x.shape[0]:
                start, step = starts[way] + row * steps[way, 0], steps[way, 1]
                for column in range(columns):
                    line[(column + 1) * n + lane] = x[image, start + column * step]


@numba.njit(**PLAIN)
@no_type_check
def turn_back(turned, x, grid, lanes, share, shares):
    """The transpose of ``turn``, added to ``x``: every share has some rows of the images to itself."""
    rows, columns, starts, steps = grid
    n, together = len(lanes), len(lanes) // starts.size
    height = columns if steps[0, 2] else rows
    blocks = (height + _ROWS - 1) // _ROWS
    for task in range(
        turned.shape[0] * blocks * share // shares, turned.shape[0] * blocks * (share + 1) // shares
    ):
        number, first = task // blocks, task % blocks * _ROWS
        last = min(first + _ROWS, height)
        for lane in range(min(together, x.shape[0] - number * together) * starts.size):
            way = lane % starts.size
            down, right, transposed = steps[way]
            # Where those rows lie in the turned image.
            top, bottom, begin, end = 0, rows, 0, columns
            if transposed:
                begin, end = (first, last) if right > 0 else (columns - last, columns - first)
            else:
                top, bottom = (first, last) if down > 0 else (rows - last, rows - first)
            for row in range(top, bottom):
                start = starts[way] + row * down
                corner = (row * (columns + 2) + 1) * n + lane
                for column in range(begin, end):
                    value = turned[number, corner + column * n]
                    x[number * together + lane // starts.size, start + column * right] += value
