"""Architectures that MONAI lacks, one a file."""

from mrrecon.networks.blur import blur
from mrrecon.networks.fixup import FixupBlock
from mrrecon.networks.multilevel_vqvae import MultiLevelVQVAE, SubpixelUpsample3d
from mrrecon.networks.space_to_depth import depth_to_space, space_to_depth
from mrrecon.networks.vector_quantizer import EMAVectorQuantizer, nearest_code, perplexity

__all__ = [
    "EMAVectorQuantizer",
    "FixupBlock",
    "MultiLevelVQVAE",
    "SubpixelUpsample3d",
    "blur",
    "depth_to_space",
    "nearest_code",
    "perplexity",
    "space_to_depth",
]
