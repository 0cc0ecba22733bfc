"""What the anatomy measures: tissue maps, volumes and agreement, and statistics on maps of many subjects."""

from mrrecon.morphometry.agreement import dice, hard_tissues, label_dice, soft_dice, volume_error
from mrrecon.morphometry.alignment import Alignment
from mrrecon.morphometry.bland_altman import BlandAltman, bland_altman
from mrrecon.morphometry.clusters import Cluster, cluster_overlap, find_clusters, map_correlation
from mrrecon.morphometry.corrections import bonferroni, false_discovery
from mrrecon.morphometry.designs import Design, one_sample_design, paired_design, two_sample_design
from mrrecon.morphometry.family_wise import FamilyWise, family_wise
from mrrecon.morphometry.grid import TEMPLATE_GRID, Grid
from mrrecon.morphometry.segment_tissues import segment_tissues
from mrrecon.morphometry.segmentation_error import SegmentationError
from mrrecon.morphometry.smooth import smooth_maps
from mrrecon.morphometry.t_map import TMap, analysis_mask, t_map
from mrrecon.morphometry.template import TissueTemplate, load_template
from mrrecon.morphometry.tissue_maps import TISSUES, TissueMaps
from mrrecon.morphometry.volumes import tissue_volumes, voxel_volume

__all__ = [
    "TEMPLATE_GRID",
    "TISSUES",
    "Alignment",
    "BlandAltman",
    "Cluster",
    "Design",
    "FamilyWise",
    "Grid",
    "SegmentationError",
    "TMap",
    "TissueMaps",
    "TissueTemplate",
    "analysis_mask",
    "bland_altman",
    "bonferroni",
    "cluster_overlap",
    "dice",
    "false_discovery",
    "family_wise",
    "find_clusters",
    "hard_tissues",
    "label_dice",
    "load_template",
    "map_correlation",
    "one_sample_design",
    "paired_design",
    "segment_tissues",
    "smooth_maps",
    "soft_dice",
    "t_map",
    "tissue_volumes",
    "two_sample_design",
    "volume_error",
    "voxel_volume",
]
