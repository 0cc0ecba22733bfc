"""Where scans come from and go to: files, folders, lists, and the templates that are always there."""

from mrrecon.data.bundle import bundle_root
from mrrecon.data.datalist import scan_list
from mrrecon.data.draws import Draw, DrawSampler, SeededDataset, ignore_interrupts
from mrrecon.data.folders import common_folder, name_of_output
from mrrecon.data.scans import ScanDataset
from mrrecon.data.subjects import split_by_subject, subject_of
from mrrecon.data.templates import template_path
from mrrecon.data.training import TrainingScans, training_scans
from mrrecon.data.writer import AtomicNibabelWriter

__all__ = [
    "AtomicNibabelWriter",
    "Draw",
    "DrawSampler",
    "ScanDataset",
    "SeededDataset",
    "TrainingScans",
    "bundle_root",
    "common_folder",
    "ignore_interrupts",
    "name_of_output",
    "scan_list",
    "split_by_subject",
    "subject_of",
    "template_path",
    "training_scans",
]
