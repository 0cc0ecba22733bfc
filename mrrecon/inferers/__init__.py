"""How a network is run over a scan."""

from mrrecon.inferers.codec import CodecInferer
from mrrecon.inferers.reconstruction import ReconstructionInferer

__all__ = ["CodecInferer", "ReconstructionInferer"]
