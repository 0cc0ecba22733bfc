"""The HTML page of a run, and a still picture of a scan beside its reconstruction."""

from mrrecon.report.compression import CompressionPage
from mrrecon.report.curve import Curve
from mrrecon.report.figure import reconstruction_figure
from mrrecon.report.glass_brain import glass_brain
from mrrecon.report.orientation import spacing_and_axes
from mrrecon.report.page import Report, write_report
from mrrecon.report.reconstruction import ReconstructionPage, kspace_picture, sinogram_picture
from mrrecon.report.scan import CodeLevel, ScanReport
from mrrecon.report.still import Still
from mrrecon.report.strip import Picture
from mrrecon.report.study import StudyPage
from mrrecon.report.t_map import t_map_slices
from mrrecon.report.table import TablePage
from mrrecon.report.tissues import TissuePage
from mrrecon.report.training import TrainingPage, curves_figure
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
    "Still",
    "StudyPage",
    "TablePage",
    "TissuePage",
    "TrainingPage",
    "code_usage",
    "curves_figure",
    "glass_brain",
    "kspace_picture",
    "reconstruction_figure",
    "sinogram_picture",
    "spacing_and_axes",
    "t_map_slices",
    "write_report",
]
