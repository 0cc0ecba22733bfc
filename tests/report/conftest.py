"""Volumes for the pages."""

import numpy as np
import pytest

from mrrecon.report import ScanReport


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers with a fixed seed."""
    return np.random.default_rng(0)


@pytest.fixture
def scan(rng: np.random.Generator) -> ScanReport:
    """A small scan with anisotropic voxels and turned axes."""
    original = rng.random((5, 6, 7))
    reconstruction = original + 0.01 * rng.standard_normal(original.shape)
    return ScanReport("sub-01", original, reconstruction, spacing=(1.0, 2.0, 4.0), axis_codes="PIR")
