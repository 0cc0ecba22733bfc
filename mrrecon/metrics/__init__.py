"""How near an image is to its reference, or a set of images to another set. torch only."""

from mrrecon.metrics.mmd import log_mmd, mmd, mmd_unbiased
from mrrecon.metrics.ms_ssim import MSSSIM, WANG_WEIGHTS, ms_ssim, ms_ssim_scales
from mrrecon.metrics.nmse import nmse
from mrrecon.metrics.psnr import PSNR, psnr
from mrrecon.metrics.ssim import SSIM, ssim

__all__ = [
    "MSSSIM",
    "PSNR",
    "SSIM",
    "WANG_WEIGHTS",
    "log_mmd",
    "mmd",
    "mmd_unbiased",
    "ms_ssim",
    "ms_ssim_scales",
    "nmse",
    "psnr",
    "ssim",
]
