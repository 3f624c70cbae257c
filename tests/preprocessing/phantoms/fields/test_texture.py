"""Textures: of unit variance, of the wave asked for, without a seam around a cell."""

import numpy as np
import pytest

from preprocessing.phantoms.fields.geometry import draw_shape, view_around
from preprocessing.phantoms.fields.texture import Texture, ridge, sample, spots


def texture(seed=0, side=200, turn=0.0):
    view = view_around(side / 2, side / 2, side / 2, (side, side), 1.0)
    rng = np.random.default_rng(seed)
    return Texture(rng, view, draw_shape(rng, side / 2, side / 2, 25, 1.5, turn=turn))


@pytest.mark.parametrize("kind", ("cloud", "grain"))
def test_noise_is_centred_and_of_about_unit_variance(kind):
    line = np.arange(0, 256, dtype="f4")
    found = sample(kind, line[:, None], line, (3.3, 200.9), (32, 32))
    assert found.mean() == pytest.approx(0, abs=1e-3) and found.std() == pytest.approx(1, abs=1e-3)


def test_a_longer_wave_is_smoother():
    fine, coarse = (texture().field("cloud", wave) for wave in (8, 40))
    assert np.abs(np.diff(fine)).mean() > 3 * np.abs(np.diff(coarse)).mean()


def test_fibres_run_along_the_cell():
    found = texture(turn=0.0).fibres(5.0, 15.0, 0.0)  # along the columns' axis
    assert np.abs(np.diff(found, axis=0)).mean() > 3 * np.abs(np.diff(found, axis=1)).mean()


def test_rays_have_no_seam_where_directions_start_again():
    found = texture().rays(3, 0.0)
    middle, right = found.shape[0] // 2, slice(150, 190)
    seam = np.abs(found[middle - 1, right] - found[middle, right]).mean()
    elsewhere = np.abs(found[middle + 10, right] - found[middle + 11, right]).mean()
    assert seam < 3 * elsewhere + 0.1


def test_lines_and_blobs_are_shares():
    values = np.linspace(-4, 4, 101)
    for found in (ridge(values), spots(values)):
        assert found.min() == 0 and found.max() == 1
    assert ridge(0.0) == 1 and spots(1.0) == 0 and spots(2.0) == 1
