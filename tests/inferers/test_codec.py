import pytest
import torch
import torch.nn.functional as F

from mrrecon.inferers import CodecInferer
from mrrecon.networks import MultiLevelVQVAE


class Rounding:
    """Codes at 1/2 and 1/4: rounded means of blocks. The image: the finer ones. Knows no neighbours."""

    size_multiple = 4

    def encode(self, x):
        return tuple((16 * F.avg_pool3d(x, side)).round().long()[:, 0] for side in (2, 4))

    def decode(self, fine, _coarse):
        return (
            fine[:, None].float().repeat_interleave(2, 2).repeat_interleave(2, 3).repeat_interleave(2, 4) / 16
        )


class Spreading(Rounding):
    """Codes that see two voxels to each side: the mean over five."""

    def encode(self, x):
        return super().encode(F.avg_pool3d(x, 5, stride=1, padding=2))


@pytest.mark.parametrize("shape", [(16, 16, 16), (13, 8, 6), (4, 30, 9)])
@pytest.mark.parametrize("roi_size", [4, 8, (4, 8, 12)])
def test_tiles_make_no_difference_to_a_network_that_sees_no_farther(shape, roi_size):
    image = torch.rand(1, 1, *shape)
    padded = [-(-side // 4) * 4 for side in shape]
    frame = torch.zeros(1, 1, *padded)
    frame[(..., *(slice((p - s) // 2, (p - s) // 2 + s) for p, s in zip(padded, shape, strict=True)))] = image
    inferer, network = CodecInferer(roi_size, halo=0), Rounding()
    codes = inferer.encode(image, network)
    assert all(torch.equal(a, b) for a, b in zip(codes, network.encode(frame), strict=True))
    crop = tuple(slice((p - s) // 2, (p - s) // 2 + s) for p, s in zip(padded, shape, strict=True))
    assert torch.equal(inferer.decode(codes, network, shape), network.decode(*codes)[(..., *crop)])


def test_a_halo_as_wide_as_the_network_sees_makes_tiles_exact():
    image, network = torch.rand(1, 1, 16, 16, 16), Spreading()
    wide, none = (CodecInferer(8, halo=halo).encode(image, network) for halo in (4, 0))
    whole = network.encode(image)
    assert all(torch.equal(a, b) for a, b in zip(wide, whole, strict=True))
    assert not torch.equal(none[0], whole[0])


def test_without_tiles_it_is_the_network():
    torch.manual_seed(0)
    network = MultiLevelVQVAE(channels=(2, 2, 2, 2, 4, 4, 4), code_channels=(2, 2, 2), n_codes=8).eval()
    image = torch.rand(1, 1, 30, 40, 64)
    with torch.no_grad():
        assert torch.equal(CodecInferer()(image, network), network(image))


def test_in_bfloat16_the_image_is_float32_all_the_same():
    network = MultiLevelVQVAE(channels=(2, 2, 2, 2, 4, 4, 4), code_channels=(2, 2, 2), n_codes=8).eval()
    with torch.no_grad():
        assert CodecInferer(amp=True)(torch.rand(1, 1, 64, 64, 64), network).dtype == torch.float32


def test_each_tile_is_announced():
    calls = []
    inferer = CodecInferer(8, halo=0, on_tile=lambda: calls.append(1))
    inferer(torch.rand(1, 1, 16, 8, 8), Rounding())
    assert len(calls) == 2 + 2


@pytest.mark.parametrize(("roi_size", "halo"), [(6, 4), (0, 4), (8, 3), (8, -4)])
def test_sizes_that_do_not_fit_the_network_are_refused(roi_size, halo):
    with pytest.raises(ValueError, match=f"roi_size={roi_size} and halo={halo} must be multiples of 4"):
        CodecInferer(roi_size, halo=halo).encode(torch.rand(1, 1, 8, 8, 8), Rounding())
