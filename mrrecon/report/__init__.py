"""The HTML page of a run, and a still picture of a scan beside its reconstruction."""

from mrrecon.report.compression import CompressionPage
from mrrecon.report.curve import Curve
from mrrecon.report.figure import reconstruction_figure
from mrrecon.report.orientation import spacing_and_axes
from mrrecon.report.page import Report, write_report
from mrrecon.report.reconstruction import ReconstructionPage, kspace_picture, sinogram_picture
from mrrecon.report.scan import CodeLevel, ScanReport
from mrrecon.report.strip import Picture
from mrrecon.report.usage import CodeUsage, code_usage

__all__ = [
    "CodeLevel",
    "CodeUsage",
    "CompressionPage",
    "Curve",
    "Picture",
    "ReconstructionPage",
    "Report",
    "ScanReport",
    "code_usage",
    "kspace_picture",
    "reconstruction_figure",
    "sinogram_picture",
    "spacing_and_axes",
    "write_report",
]
