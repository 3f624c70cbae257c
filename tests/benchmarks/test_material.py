import argparse

import numpy as np

from benchmarks import material


def given(arguments):
    parser = argparse.ArgumentParser()
    material.arguments(parser)
    return parser.parse_args(arguments)


def test_masked_bags_have_the_share_of_empty_slices_asked_for(tiny):
    folder = material.cached(given([*tiny, "--slices", "8", "--empty", "0.25"]))
    images = np.load(folder / "images.npy")
    assert images.shape == (2, 8, 32, 32, 1) and images.dtype == np.float16
    empty = ~images.any(axis=(2, 3, 4))
    assert empty.sum(axis=1).tolist() == [2, 2]
    full = images[~empty].astype(np.float32)
    assert (full == 0).mean() > 0.5 and full.min() > -500  # the air around a head is at -1000
    assert len(np.unique(full.reshape(len(full), -1), axis=0)) == len(full)
    assert np.load(folder / "labels.npy").tolist() == [0, 1]


def test_loaded_as_it_was_made_and_made_once(tiny):
    folder = material.cached(given(tiny))
    written = (folder / "weights.npz").stat().st_mtime_ns
    source, model, options = material.load(material.cached(given(tiny)))
    assert (folder / "weights.npz").stat().st_mtime_ns == written
    assert options["backbone"] == "resnet10" and source.counts.tolist() == [4, 4]
    norm, again = model.get_layer("stem_norm"), material.load_model(folder).get_layer("stem_norm")
    assert np.abs(norm.moving_mean.numpy()).max() > 0  # no initial weights
    np.testing.assert_array_equal(norm.moving_mean, again.moving_mean)


def test_a_share_that_cannot_be_is_refused(capsys):
    assert material.main(["--empty", "1"]) == 2
    assert "Expected a share from 0 up to but not 1. Received: 1.0" in capsys.readouterr().err


def test_every_row_sees_the_same_bags():
    assert [material.window_at(i, 2, 3) for i in range(3)] == [[0, 1], [2, 0], [1, 2]]
