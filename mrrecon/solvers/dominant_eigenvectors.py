"""Largest eigenvalue and eigenvector of many small Hermitian matrices, compiled for the CPU."""

from typing import no_type_check

import numba
import numpy as np
import torch

from mrrecon.threads import in_threads

__all__ = ["dominant_eigenvectors"]

_LANES = 16
_TOLERANCE = 1e-5
"""Change of a unit vector in one step at which it is taken for the eigenvector."""
_STEPS = 8
_SQUARINGS = 8
_FAST = {"contract", "reassoc", "nsz"}


def dominant_eigenvectors(matrices: np.ndarray, vectors: np.ndarray, values: np.ndarray) -> None:
    """Power iteration in every pixel of an image, started from the pixel above it.

    Where it converges slowly, because the second eigenvalue is nearly as large, the matrix is squared and
    squared again: what would take k steps takes log k.

    Args:
        matrices: upper triangles (rows, n (n + 1) / 2, 2, columns), real parts before imaginary ones; float32
            or float64.
        vectors: where the eigenvectors go, (n, rows, 2, columns) of the same type.
        values: where the eigenvalues go, (rows, columns) of the same type.
    """
    in_threads(_all_pixels, matrices, vectors, values, threads=torch.get_num_threads())


@numba.njit(cache=True, nogil=True, error_model="numpy", parallel=True)
@no_type_check
def _all_pixels(matrices, vectors, values):
    columns = values.shape[1]
    blocks = (columns + _LANES - 1) // _LANES
    for block in numba.prange(blocks):
        _iterate(matrices, vectors, values, block * _LANES, min(columns, block * _LANES + _LANES))


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
@no_type_check
def _iterate(matrices, vectors, values, start, stop):
    """All rows of a few columns."""
    n, rows, lanes = vectors.shape[0], vectors.shape[1], stop - start
    matrix = np.zeros((n, n, 2, _LANES), matrices.dtype)
    square = np.zeros((n, n, 2, _LANES), matrices.dtype)
    vector = np.zeros((n, 2, _LANES), matrices.dtype)
    product = np.zeros((n, 2, _LANES), matrices.dtype)
    for row in range(rows):
        _load(matrices, row, start, lanes, matrix)
        if row == 0:
            _begin(matrix, vector)
        converged = False
        for squarings in range(_SQUARINGS + 1):
            for _ in range(_STEPS):
                _multiply(matrix, vector, product)
                if _update(vector, product, lanes) < _TOLERANCE**2:
                    converged = True
                    break
            if converged or squarings == _SQUARINGS:
                break
            _square(matrix, square)
            matrix, square = square, matrix
        if squarings:
            _load(matrices, row, start, lanes, matrix)
        _multiply(matrix, vector, product)
        for lane in range(lanes):
            value = 0.0
            for i in range(n):
                for part in range(2):
                    value += vector[i, part, lane] * product[i, part, lane]
                    vectors[i, row, part, start + lane] = vector[i, part, lane]
            values[row, start + lane] = value


@numba.njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _load(matrices, row, start, lanes, matrix):
    """Whole matrices from their upper triangles."""
    entry = 0
    for i in range(len(matrix)):
        for j in range(i, len(matrix)):
            for lane in range(lanes):
                real, imaginary = matrices[row, entry, 0, start + lane], matrices[row, entry, 1, start + lane]
                matrix[i, j, 0, lane], matrix[j, i, 0, lane] = real, real
                if i < j:
                    matrix[i, j, 1, lane], matrix[j, i, 1, lane] = imaginary, -imaginary
                else:
                    matrix[i, i, 1, lane] = 0
            entry += 1


@numba.njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _begin(matrix, vector):
    """Starts from where the diagonal is largest: that is not orthogonal to the eigenvector."""
    vector[:] = 0
    for lane in range(_LANES):
        place = 0
        for i in range(1, len(matrix)):
            if matrix[i, i, 0, lane] > matrix[place, place, 0, lane]:
                place = i
        vector[place, 0, lane] = 1


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
@no_type_check
def _multiply(matrix, vector, product):
    product[:] = 0
    for i in range(len(matrix)):
        for j in range(len(matrix)):
            for lane in range(_LANES):
                real, imaginary = matrix[i, j, 0, lane], matrix[i, j, 1, lane]
                product[i, 0, lane] += real * vector[j, 0, lane] - imaginary * vector[j, 1, lane]
                product[i, 1, lane] += real * vector[j, 1, lane] + imaginary * vector[j, 0, lane]


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
@no_type_check
def _update(vector, product, lanes):
    """The product, normalised, becomes the vector. The largest squared change is returned."""
    norm = np.zeros(_LANES, vector.dtype)
    change = np.zeros(_LANES, vector.dtype)
    for i in range(len(vector)):
        for lane in range(_LANES):
            norm[lane] += product[i, 0, lane] ** 2 + product[i, 1, lane] ** 2
    for lane in range(_LANES):
        norm[lane] = 1 / max(np.sqrt(norm[lane]), 1e-30)
    for i in range(len(vector)):
        for part in range(2):
            for lane in range(_LANES):
                new = product[i, part, lane] * norm[lane]
                change[lane] += (new - vector[i, part, lane]) ** 2
                vector[i, part, lane] = new
    largest = 0.0
    for lane in range(lanes):
        largest = max(largest, change[lane])
    return largest


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
@no_type_check
def _square(matrix, square):
    """The square of Hermitian matrices, divided by its trace."""
    n = len(matrix)
    trace = np.zeros(_LANES, matrix.dtype)
    square[:] = 0
    for i in range(n):
        for j in range(i, n):
            for k in range(n):
                for lane in range(_LANES):
                    a, b = matrix[i, k, 0, lane], matrix[i, k, 1, lane]
                    c, d = matrix[k, j, 0, lane], matrix[k, j, 1, lane]
                    square[i, j, 0, lane] += a * c - b * d
                    square[i, j, 1, lane] += a * d + b * c
        for lane in range(_LANES):
            trace[lane] += square[i, i, 0, lane]
    for lane in range(_LANES):
        trace[lane] = 1 / max(trace[lane], 1e-30)
    for i in range(n):
        for j in range(i, n):
            for lane in range(_LANES):
                square[i, j, 0, lane] *= trace[lane]
                square[i, j, 1, lane] *= trace[lane]
                square[j, i, 0, lane] = square[i, j, 0, lane]
                square[j, i, 1, lane] = -square[i, j, 1, lane]
        for lane in range(_LANES):
            square[i, i, 1, lane] = 0
