"""Where scans come from and go to: files, folders, lists, and the templates that are always there."""

from mrrecon.data.arrays import read_array
from mrrecon.data.bundle import bundle_root
from mrrecon.data.code_files import CodeFileReader, CodeFileWriter
from mrrecon.data.code_list import code_list
from mrrecon.data.datalist import list_names, scan_list
from mrrecon.data.draws import Draw, DrawSampler, SeededDataset, ignore_interrupts
from mrrecon.data.entropy_model import EntropyModels
from mrrecon.data.folders import common_folder, name_of_output
from mrrecon.data.idx import read_idx
from mrrecon.data.kspace_bart import read_cfl, write_cfl
from mrrecon.data.kspace_reader import KspaceReader, read_kspace
from mrrecon.data.latent_images import InterpolatedImages, SampledImages
from mrrecon.data.measurement_list import measurement_list
from mrrecon.data.memory import MemoryCheck
from mrrecon.data.scan_codec import DecodedScan, ScanCodec, network_image, write_decoded
from mrrecon.data.scans import ScanDataset
from mrrecon.data.sinogram import SinogramReader, read_sinogram
from mrrecon.data.subjects import split_by_subject, subject_of
from mrrecon.data.tissue_scans import tissue_scans
from mrrecon.data.training import TrainingScans, training_scans
from mrrecon.data.writer import AtomicNibabelWriter
from mrrecon.templates import template_path

__all__ = [
    "AtomicNibabelWriter",
    "CodeFileReader",
    "CodeFileWriter",
    "DecodedScan",
    "Draw",
    "DrawSampler",
    "EntropyModels",
    "InterpolatedImages",
    "KspaceReader",
    "MemoryCheck",
    "SampledImages",
    "ScanCodec",
    "ScanDataset",
    "SeededDataset",
    "SinogramReader",
    "TrainingScans",
    "bundle_root",
    "code_list",
    "common_folder",
    "ignore_interrupts",
    "list_names",
    "measurement_list",
    "name_of_output",
    "network_image",
    "read_array",
    "read_cfl",
    "read_idx",
    "read_kspace",
    "read_sinogram",
    "scan_list",
    "split_by_subject",
    "subject_of",
    "template_path",
    "tissue_scans",
    "training_scans",
    "write_cfl",
    "write_decoded",
]
