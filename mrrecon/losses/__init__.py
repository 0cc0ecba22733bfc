"""What training minimises: ``forward(pred, target) -> scalar``."""

from mrrecon.losses.adaptive import AdaptiveLoss
from mrrecon.losses.alpha_wgan import autoencoder_objective, critic_objective
from mrrecon.losses.baur import BaurLoss, GradientRamp, baur_loss
from mrrecon.losses.crps import CRPSLoss, crps
from mrrecon.losses.dct import dct3d, idct3d
from mrrecon.losses.gradient_penalty import gradient_penalty
from mrrecon.losses.log_partition import log_partition
from mrrecon.losses.observed_elbo import ObservedELBOLoss, observed_elbo
from mrrecon.losses.residual import residual
from mrrecon.losses.robust import robust_loss
from mrrecon.losses.vqvae import VQVAELoss

__all__ = [
    "AdaptiveLoss",
    "BaurLoss",
    "CRPSLoss",
    "GradientRamp",
    "ObservedELBOLoss",
    "VQVAELoss",
    "autoencoder_objective",
    "baur_loss",
    "critic_objective",
    "crps",
    "dct3d",
    "gradient_penalty",
    "idct3d",
    "log_partition",
    "observed_elbo",
    "residual",
    "robust_loss",
]
