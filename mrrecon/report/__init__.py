"""The HTML page of a run, and a still picture of a scan beside its reconstruction."""

from mrrecon.report.compression import CompressionPage
from mrrecon.report.figure import reconstruction_figure
from mrrecon.report.orientation import spacing_and_axes
from mrrecon.report.page import Report, write_report
from mrrecon.report.scan import CodeLevel, ScanReport
from mrrecon.report.usage import CodeUsage, code_usage

__all__ = [
    "CodeLevel",
    "CodeUsage",
    "CompressionPage",
    "Report",
    "ScanReport",
    "code_usage",
    "reconstruction_figure",
    "spacing_and_axes",
    "write_report",
]
