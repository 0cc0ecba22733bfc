"""Clusters of t-maps, their overlap and correlation."""

import numpy as np
import pytest
import torch

from mrrecon.morphometry import cluster_overlap, find_clusters, map_correlation

AFFINE = np.array([[-2.0, 0, 0, 90], [0, 2, 0, -126], [0, 0, 2, -72], [0, 0, 0, 1]])


@pytest.fixture
def t():
    """A block of 3 x 2 x 2 with its peak, a negative pair, and one that touches the block by a corner."""
    t = torch.zeros(12, 12, 12)
    t[2:5, 2:4, 2:4] = 4.0
    t[3, 2, 3] = 7.5
    t[9, 9, 8:10] = torch.tensor([-5.0, -6.0])
    t[5, 4, 4] = 3.5
    return t


def test_clusters_have_sizes_in_ml_and_peaks_in_mm(t):
    found = find_clusters(t, AFFINE, threshold=3.0)
    assert [cluster.n_voxels for cluster in found] == [12, 2, 1]
    assert [cluster.ml for cluster in found] == pytest.approx([0.096, 0.016, 0.008])
    assert [cluster.peak for cluster in found] == [7.5, -6.0, 3.5]
    assert found[0].peak_mm == (84.0, -122.0, -66.0)


def test_one_side_only_and_small_ones_left_out(t):
    assert [c.n_voxels for c in find_clusters(t, AFFINE, threshold=3.0, two_sided=False)] == [12, 1]
    assert [c.n_voxels for c in find_clusters(t, AFFINE, threshold=3.0, min_ml=0.016)] == [12, 2]
    assert find_clusters(t, AFFINE, threshold=8.0) == []


def test_neighbouring_peaks_of_opposite_signs_are_two_clusters():
    t = torch.zeros(4, 4, 4)
    t[1, 1, 1], t[1, 1, 2] = 5.0, -5.0
    assert len(find_clusters(t, AFFINE, threshold=3.0)) == 2


def test_overlap_counts_a_voxel_with_its_own_sign(t):
    other = t.clone()
    other[9, 9, 9] = 6.0
    # 14 of 15 voxels agree.
    assert cluster_overlap(t, other, threshold=3.0) == pytest.approx(2 * 14 / 30)
    assert cluster_overlap(t, other, threshold=9.0) == 1.0


def test_correlation_is_numpys(generator):
    a, b = torch.randn(2, 5, 6, 7, generator=generator)
    mask = a > -0.5
    found = map_correlation(a, b, mask=mask)
    assert found == pytest.approx(np.corrcoef(a[mask].numpy(), b[mask].numpy())[0, 1], abs=1e-6)


def test_what_has_no_answer_is_refused(t):
    with pytest.raises(ValueError, match="threshold=0"):
        find_clusters(t, AFFINE, threshold=0.0)
    with pytest.raises(ValueError, match="one shape"):
        cluster_overlap(t, t[1:], threshold=3.0)
    with pytest.raises(ValueError, match="b is constant"):
        map_correlation(t, torch.full_like(t, 0.1))
