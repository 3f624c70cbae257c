import numpy as np
import pytest

from preprocessing.phantoms.flaws import draw_flaws, mottle, resolve
from preprocessing.phantoms.phantom import finish
from preprocessing.phantoms.scanner import Scan
from preprocessing.phantoms.scanners import SCANNERS, STANDARD


def scan_of(pixel=1.0, **flaws):
    return Scan(64, pixel, 5.0, 5.0, 3, 0.0, np.eye(3), np.zeros(2), (1, 1, 1), {}, flaws)


def test_the_standard_scanner_has_none_and_draws_none():
    random = np.random.default_rng(0)
    assert draw_flaws(random, STANDARD) == {} and random.random() == np.random.default_rng(0).random()


@pytest.mark.parametrize("name", ["shifted", "low"])
def test_flaws_are_drawn_within_their_scanners_range(name):
    for seed in range(5):
        found = draw_flaws(np.random.default_rng(seed), SCANNERS[name])
        assert all(least <= found[flaw] <= most for flaw in ("offset", "blur", "stripes")
                   for least, most in [getattr(SCANNERS[name], flaw)])


def test_without_flaws_nothing_changes():
    volume = np.random.default_rng(0).normal(size=(3, 64, 64)).astype("f4")
    before = volume.copy()
    resolve(scan_of(), volume)
    mottle(scan_of(), np.random.default_rng(0), volume, np.ones_like(volume))
    np.testing.assert_array_equal(volume, before)


def test_calibration_is_a_factor_and_an_offset():
    scan, volume = scan_of(offset=4.0), np.array([[[0.0, 60.0]]], "f4")
    scan.number.update(gain=0.95, padding=0.0)
    finish(scan, volume)
    np.testing.assert_allclose(volume[0, 0], [4.0, 61.0], rtol=1e-6)


def step():
    volume = np.zeros((1, 64, 64), "f4")
    volume[:, :, 32:] = 100
    return volume


def test_a_sharp_kernel_overshoots_and_a_blur_does_not():
    sharp, soft = step(), step()
    resolve(scan_of(sharpen=0.8), sharp)
    resolve(scan_of(blur=1.5), soft)
    assert sharp.max() > 110 and sharp.min() < -10
    assert 0 <= soft.min() and soft.max() <= 100.01 and 10 < soft[0, 0, 31] < 50


def test_a_coarse_matrix_loses_detail_and_keeps_the_place():
    fine = step()
    fine[:, ::2] += 50  # one pixel wide: gone
    resolve(scan_of(pixel=0.5, detail=2.0), fine)
    assert abs(fine[0, 20, :28] - fine[0, 21, :28]).max() < 15
    assert fine[0, :, 28].mean() < fine[0, :, 36].mean() - 80


def test_noise_has_the_hu_that_were_drawn_within_the_head_alone():
    volume, body = np.zeros((3, 64, 64), "f4"), np.zeros((3, 64, 64), "f4")
    body[:, :, :32] = 1
    mottle(scan_of(blotches=6.0, stripes=3.0), np.random.default_rng(0), volume, body)
    assert volume[:, :, :32].std() == pytest.approx(np.hypot(6, 3), rel=0.15) and not volume[:, :, 32:].any()
    stripes = np.zeros((3, 64, 64), "f4")
    mottle(scan_of(stripes=3.0), np.random.default_rng(0), stripes, np.ones_like(stripes))
    assert np.abs(np.diff(stripes, axis=2)).mean() < 0.2 * np.abs(np.diff(stripes, axis=1)).mean()
