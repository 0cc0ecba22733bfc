import pytest
import torch

from mrrecon.inferers import ReconstructionInferer


def test_one_pass_is_the_network():
    image = torch.rand(1, 1, 9, 8, 7)
    assert torch.equal(ReconstructionInferer()(image, lambda x: 2 * x), 2 * image)


def test_tiles_of_a_pointwise_network_leave_no_seam():
    image = torch.rand(1, 1, 20, 17, 12)
    torch.testing.assert_close(ReconstructionInferer(8)(image, lambda x: 2 * x), 2 * image)


def test_a_pair_of_outputs_is_float32_after_autocast():
    network = torch.nn.Conv3d(1, 1, 1)
    with torch.no_grad():
        pair = ReconstructionInferer(amp=True)(torch.rand(1, 1, 4, 4, 4), lambda x: (network(x), x.mean()))
    assert [part.dtype for part in pair] == [torch.float32, torch.float32]


@pytest.mark.parametrize("overlap", [-0.1, 1.0])
def test_an_overlap_outside_its_range_is_refused(overlap):
    with pytest.raises(ValueError, match=rf"overlap={overlap} must lie in \[0, 1\)"):
        ReconstructionInferer(8, overlap=overlap)
