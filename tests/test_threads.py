import subprocess
import sys

import pytest

CALLS = {
    "wavelet": "from mrrecon.operators import Wavelet; Wavelet('haar', 2)(torch.ones(512, 512))",
    "coils": "from mrrecon.operators import CartesianSense; "
    "A = CartesianSense(torch.arange(256)[:, None] % 2 == 0, torch.ones(8, 256, 256) + 0j); "
    "A.gram(torch.ones(256, 256) + 0j)",
    "inner product": "from mrrecon.solvers.inner_products import squared_norm as f; f(torch.ones(2**20))",
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_compiled_kernel_leaves_the_number_of_torchs_threads_alone(call):
    code = f"import torch; torch.set_num_threads(3); {call}; print(torch.get_num_threads())"
    answer = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, encoding="utf-8")
    assert answer.stdout.split() == ["3"]
