"""Which points a scan gets, and what is told of them."""

import types

import nibabel as nib
import numpy as np

from mil_tf.prediction.files import describe
from mil_tf.prediction.points import Point

LOW = {"h": 0.001, "threshold": -3.9, "distance": 8.0}  # of logits, so that noise has peaks


def test_a_point_beyond_the_scans_edge_has_millimetres_alone(found, scan):
    outside = found._replace(points=[Point(0, 0, 0, 2.0, 0.5)])  # the canvas is wider than the scan
    model = types.SimpleNamespace(folder="export", facts={})
    settings = types.SimpleNamespace(to_dict=dict, hash=str)
    point, = describe(outside, model, settings)["points"]
    assert point["voxel"] is None and point["scan_slice"] is None
    assert (np.linalg.solve(nib.load(scan).affine, [*point["mm"], 1])[:2] < 0).all()


def test_points_on_positive_slices_alone(changed, answered):
    def counts(only_positive):
        found = answered(changed(detector=LOW, only_positive=only_positive))
        return found.probability >= 0.5, np.bincount([point.place for point in found.points], minlength=found.bag.n)

    (positive, every), (_, few) = counts(False), counts(True)
    assert every[~positive].sum() > 0 and few[~positive].sum() == 0
    np.testing.assert_array_equal(every[positive], few[positive])
    assert few.sum() > 0
