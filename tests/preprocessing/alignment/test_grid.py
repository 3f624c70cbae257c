import numpy as np

from preprocessing.alignment import grid


def ramp(matrix, shape):
    """Slices (n, h, w) whose value is 2 x + 3 y + 5 z of their place in mm."""
    z, y, x = np.mgrid[: shape[0], : shape[1], : shape[2]]
    places = np.stack([x, y, z, np.ones(shape)], -1) @ matrix.T
    return (places[..., :3] @ [2, 3, 5]).astype(np.float32)


def test_every_voxel_shows_what_the_scan_has_at_its_place(motion):
    to_mm = np.diag([-1.0, -1.5, 4.0, 1.0])
    to_mm[:3, 3] = 40, 60, -30
    slices = ramp(to_mm, (16, 60, 70))
    known = motion((8, -6, 12), (3, -4, 5), np.array([0.0, 0, 0]))
    matrix, count = grid.frame(np.ones(slices.shape, bool), to_mm, known, np.zeros(3), 20)
    to_scan = np.linalg.inv(to_mm) @ known @ matrix
    moved = grid.resampled(slices, to_scan, (count, 20, 20), -9999)
    z, y, x = np.mgrid[:count, :20, :20]
    places = (np.stack([x, y, z, np.ones(x.shape)], -1) @ to_scan.T)[..., :3]
    outside = np.max(np.maximum(-places, places - [69, 59, 15]), axis=-1)  # voxels beyond the centres of the last ones
    assert (outside < 0).mean() > 0.5
    np.testing.assert_allclose(moved[outside < 0], ramp(known @ matrix, (count, 20, 20))[outside < 0], atol=0.02)
    assert (moved[outside > 0.6] == -9999).all()


def test_the_grid_stands_as_a_bag_does_and_around_the_templates_middle():
    to_mm = np.diag([-0.5, -0.6, 5.0, 1.0])
    matrix, count = grid.frame(np.ones((10, 30, 30), bool), to_mm, np.eye(4), np.array([7.0, 8, 0]), 11)
    assert np.sign(np.diag(matrix)).tolist() == [-1, -1, 1, 1]
    np.testing.assert_allclose(np.diag(matrix)[:3], [-0.5, -0.6, 5.0])
    np.testing.assert_allclose((matrix @ [5, 5, 0, 1])[:2], [7, 8])
    assert count >= 10


def test_a_scan_that_lies_as_the_template_keeps_its_slices():
    to_mm = np.diag([-1.0, -1.0, 5.0, 1.0])
    to_mm[2, 3] = 1.7
    slices = np.random.default_rng(0).normal(0, 50, (8, 21, 21)).astype(np.float32)
    middle = (to_mm @ [10, 10, 0, 1])[:3]
    matrix, count = grid.frame(np.ones(slices.shape, bool), to_mm, np.eye(4), middle, 21)
    moved = grid.resampled(slices, np.linalg.inv(to_mm) @ matrix, (count, 21, 21), 0)
    np.testing.assert_allclose(moved[: len(slices)] if count > 8 else moved, slices, atol=1e-4)


def test_slices_that_are_crossed_reach_as_far_as_what_is_seen():
    level, tilted = np.eye(4), np.eye(4)
    tilted[2, 0] = 0.5
    seen = np.zeros((3, 10, 10), bool)
    seen[1:, 2:5, 0:9] = True
    assert grid.crossed(level, seen) == {1: (1, 1), 2: (2, 2)}
    assert grid.crossed(tilted, seen) == {1: (1, 5), 2: (2, 6)}
