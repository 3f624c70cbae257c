"""The camera: exposure that tells nothing of a class, uneven light, debris outside of cells, noise."""

import numpy as np
import pytest

from preprocessing.phantoms.fields.camera import (
    EXPOSURE,
    Batch,
    add_debris,
    draw_batch,
    expose,
    illumination,
    photograph,
)

BATCH = Batch(np.array([1.0, 1.5]), np.array([400.0, 800.0]), np.array([0.4, 0.6]), 0.3)


def rng(seed=0):
    return np.random.default_rng(seed)


def test_cells_are_exposed_alike_however_bright_they_were():
    inside = np.zeros((60, 80), bool)
    inside[10:30, 20:50] = True
    light = np.stack([np.where(inside, 0.1, 0), np.where(inside, 30.0, 0)]).astype("f4")
    means = []
    for seed in range(40):
        planes = light.copy()
        expose(rng(seed), planes, inside, BATCH)
        means.append([plane[inside].mean() for plane in planes])
    np.testing.assert_allclose(np.median(means, 0), EXPOSURE * BATCH.gain, rtol=0.1)


def test_a_field_without_cells_stays_dark():
    light = np.zeros((2, 40, 40), "f4")
    expose(rng(), light, np.zeros((40, 40), bool), BATCH)
    assert not light.any()


@pytest.mark.parametrize("shape", [(64, 64), (50, 90)])
def test_light_is_uneven_smooth_and_brightest_where_the_plate_has_it(shape):
    lamp = illumination(rng(), BATCH, shape)
    assert lamp.shape == shape and 0.3 <= lamp.min() < 0.9 < lamp.max() < 1.4
    assert np.abs(np.diff(lamp, axis=0)).max() < 0.05
    assert lamp[int(0.4 * shape[0]), int(0.6 * shape[1])] > lamp[-1, 0] and lamp.min() < 0.8 * lamp.max()


def test_debris_adds_light_in_few_places():
    light = np.zeros((2, 200, 200), "f4")
    add_debris(rng(), light, 0.5, 60)
    assert light.min() >= 0 and light.max() > 0.3 * EXPOSURE
    assert (light.sum(0) > 0.1 * EXPOSURE).mean() < 0.1
    empty = np.zeros((2, 200, 200), "f4")
    add_debris(rng(), empty, 0.5, 0)
    assert not empty.any()


def test_a_photograph_has_background_and_noise_that_grows_with_light():
    light = np.zeros((2, 100, 100), "f4")
    light[:, :, 50:] = 20000
    found = photograph(rng(), light, BATCH, 1.0)
    assert found.dtype == np.uint16 and found.shape == light.shape
    dark, bright = found[:, :, :40].astype(float), found[:, :, 60:].astype(float)
    assert 0.5 < np.median(dark[1]) / np.median(dark[0]) / 2 < 2
    assert np.abs(np.diff(bright[0], axis=0)).mean() > 2 * np.abs(np.diff(dark[0], axis=0)).mean()


def test_too_much_light_is_white_and_does_not_wrap():
    light = np.full((2, 64, 64), 1e6, "f4")
    assert (photograph(rng(), light, BATCH, 1.0) == 65535).all()


def test_plates_differ_in_gain_and_background():
    one, other = (draw_batch(rng(seed), 3) for seed in (0, 1))
    assert one.gain.shape == one.background.shape == (3,)
    assert (np.abs(one.gain - other.gain) > 1e-3).all() and (one.background != other.background).all()
