"""What holds for every test: few threads that wait quietly, fixed seeds, no network."""

import os
import random

# Before torch is imported: see scripts/environment.sh.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("GOMP_SPINCOUNT", "0")

import numpy as np
import pytest
import torch

# Two workers of pytest-xdist have a core each.
torch.set_num_threads(1 if "PYTEST_XDIST_WORKER" in os.environ else 2)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the switch that writes tests/public_api.json anew."""
    parser.addoption("--update-public-api", action="store_true", help="write tests/public_api.json anew")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leaves out the tests that need a CUDA device where there is none."""
    if torch.cuda.is_available():
        return
    for item in items:
        if item.get_closest_marker("gpu"):
            item.add_marker(pytest.mark.skip(reason="no CUDA device"))


@pytest.fixture(autouse=True)
def _seeded() -> None:
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - libraries draw from the global generator
    torch.manual_seed(0)


@pytest.fixture
def generator() -> torch.Generator:
    """A generator of random numbers with a fixed seed."""
    return torch.Generator().manual_seed(0)
