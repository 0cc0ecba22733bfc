"""Codec of this project as a benchmark sees it: a scaled scan to bytes, and back."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rival_codecs import Coded

from mrrecon.codec.fields import decode_fields, encode_fields
from mrrecon.codec.histogram_model import HistogramModel
from mrrecon.codec.identity import weights_identity
from mrrecon.handlers import load_weights
from mrrecon.networks import MultiLevelVQVAE
from mrrecon.tensors import crop_to_shape

__all__ = ["OurCodec"]


class OurCodec:
    """`vqvae3d` with weights, its fields coded under an entropy model.

    Args:
        ckpt: weights of the network.
        context: learned entropy model of these weights; empty: frequencies of the codes, without context.
    """

    def __init__(self, ckpt: str | Path, context: str | Path = "") -> None:
        self.network = MultiLevelVQVAE().eval()
        load_weights(self.network, ckpt)
        self.model: Any = HistogramModel(256)
        if context:
            from mrrecon.codec.context_model import ContextModel

            self.model = ContextModel.load(context)
        self.name = f"vqvae3d {Path(ckpt).stem}"
        self.setting = "context model" if context else "order 0"
        self.identity = f"{weights_identity(self.network.state_dict())} {self.model.identity}"

    @torch.no_grad()
    def code(self, volume: np.ndarray) -> Coded:
        """Volume, scaled to [0, 1] -> what is decoded from its code, and the cost."""
        image = torch.from_numpy(volume)[None, None]
        start = time.perf_counter()
        fields = [field[0].numpy() for field in self.network.encode(image)]
        payload = encode_fields(fields, self.model)
        middle = time.perf_counter()
        decoded = decode_fields(payload, [field.shape for field in fields], self.model)
        codes = [torch.from_numpy(field.astype(np.int64))[None] for field in decoded]
        pred = crop_to_shape(self.network.decode(*codes), list(volume.shape))
        end = time.perf_counter()
        return Coded(len(payload), pred[0, 0].numpy(), middle - start, end - middle)
