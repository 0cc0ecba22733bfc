"""Compression, imputation, super-resolution and reconstruction of MR images.

Something measured ``y = A x + n``; find ``x``. Import the sub-package that is needed, for example
``mrrecon.networks``: this file imports nothing, so that ``import mrrecon`` costs nothing.
"""

__version__ = "0.1.0"

__all__ = ["__version__"]
