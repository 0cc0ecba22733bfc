"""Codes to bytes and back: entropy coding and the file of a coded scan."""

from mrrecon.codec.container import CodecError, Container, pack_vqz, read_vqz, unpack_vqz, write_vqz
from mrrecon.codec.context_model import ContextModel
from mrrecon.codec.fields import decode_fields, encode_fields
from mrrecon.codec.histogram_model import HistogramModel
from mrrecon.codec.identity import file_identity, weights_identity
from mrrecon.codec.scan_file import pack_codes, pack_volume, scan_header, unpack_codes, unpack_volume
from mrrecon.codec.scan_header import CodesHeader, Geometry, VolumeHeader
from mrrecon.codec.volume import decode_volume, encode_volume

__all__ = [
    "CodecError",
    "CodesHeader",
    "Container",
    "ContextModel",
    "Geometry",
    "HistogramModel",
    "VolumeHeader",
    "decode_fields",
    "decode_volume",
    "encode_fields",
    "encode_volume",
    "file_identity",
    "pack_codes",
    "pack_volume",
    "pack_vqz",
    "read_vqz",
    "scan_header",
    "unpack_codes",
    "unpack_volume",
    "unpack_vqz",
    "weights_identity",
    "write_vqz",
]
