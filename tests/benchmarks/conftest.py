"""The files of the benchmarks' folder are found as their scripts find them."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))
