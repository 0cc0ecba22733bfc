"""Architectures that MONAI lacks, one a file."""

from mrrecon.networks.alpha_wgan import AlphaWGAN
from mrrecon.networks.blur import blur
from mrrecon.networks.cheap_convolutions import (
    UpsampledConvolution,
    halving_convolution,
    upsampled_convolution,
)
from mrrecon.networks.code_critic import CodeCritic
from mrrecon.networks.completion_in_planes import CompletionInPlanes
from mrrecon.networks.completion_network import CompletionNetwork
from mrrecon.networks.fill_holes import fill_holes
from mrrecon.networks.fixed_steps import FixedSteps
from mrrecon.networks.fixup import FixupBlock
from mrrecon.networks.linear_subspace import LinearSubspace
from mrrecon.networks.multilevel_vqvae import MultiLevelVQVAE, SubpixelUpsample3d
from mrrecon.networks.patch_dictionary import PatchDictionary
from mrrecon.networks.plain_image import PlainImage
from mrrecon.networks.plain_prior import PlainPrior
from mrrecon.networks.plain_rays import PlainRays
from mrrecon.networks.plain_sense import PlainSense
from mrrecon.networks.skip_network import SkipNetwork
from mrrecon.networks.space_to_depth import depth_to_space, space_to_depth
from mrrecon.networks.sparse_convolution import SparseConvolution
from mrrecon.networks.sparse_linear import SparseLinear
from mrrecon.networks.sparse_locally_linear import SparseLocallyLinear
from mrrecon.networks.sparse_vae import SPARSE_VARIANTS, SparseVAE
from mrrecon.networks.vector_quantizer import EMAVectorQuantizer, nearest_code, perplexity
from mrrecon.networks.volume_encoder import VolumeEncoder
from mrrecon.networks.volume_generator import VolumeGenerator

__all__ = [
    "SPARSE_VARIANTS",
    "AlphaWGAN",
    "CodeCritic",
    "CompletionInPlanes",
    "CompletionNetwork",
    "EMAVectorQuantizer",
    "FixedSteps",
    "FixupBlock",
    "LinearSubspace",
    "MultiLevelVQVAE",
    "PatchDictionary",
    "PlainImage",
    "PlainPrior",
    "PlainRays",
    "PlainSense",
    "SkipNetwork",
    "SparseConvolution",
    "SparseLinear",
    "SparseLocallyLinear",
    "SparseVAE",
    "SubpixelUpsample3d",
    "UpsampledConvolution",
    "VolumeEncoder",
    "VolumeGenerator",
    "blur",
    "depth_to_space",
    "fill_holes",
    "halving_convolution",
    "nearest_code",
    "perplexity",
    "space_to_depth",
    "upsampled_convolution",
]
