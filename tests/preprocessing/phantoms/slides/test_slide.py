"""One slide: the same tissue with any pixel and by any rectangle, with and without its tumour."""

import numpy as np
import pytest

from preprocessing.phantoms.slides.slide import MASK, SlidePhantom
from preprocessing.phantoms.slides.tissue import LOCATIONS


def phantom(index=0, location="fatty", positive=True, size=256, mpp=4.0, extent=0.3):
    return SlidePhantom(3, index, location, positive, (size, size), mpp, extent)


def whole(slide):
    return slide.render(0, 0, *slide.shape)


def halves(picture):
    return picture.reshape(len(picture) // 2, 2, -1, 2, 3).mean((1, 3))


@pytest.mark.parametrize("location", LOCATIONS)
def test_every_location_has_tissue_on_a_bright_ground(location):
    slide = phantom(location=location)
    picture, (_, section) = whole(slide), slide.truth()
    section = np.kron(section, np.ones((MASK, MASK), bool))
    assert picture.dtype == np.uint8 and picture.shape == (256, 256, 3)
    assert np.median(picture[~section]) > 210
    assert picture[section].mean() < picture[~section].mean() - 25


def test_the_same_seed_is_the_same_slide_and_another_is_not():
    a, b, c = whole(phantom()), whole(phantom()), whole(phantom(1))
    assert np.array_equal(a, b) and not np.array_equal(a, c)


def test_a_rectangle_has_the_tissue_that_the_whole_has_there():
    slide = phantom(size=512, mpp=0.6)
    slide.stain.noise = 0.0
    part, there = slide.render(150, 200, 180, 130), whole(slide)[150:330, 200:330]
    # Where tissue is bent strongly, fields sampled from another first point differ by a little.
    assert (np.abs(part.astype(int) - there) > 25).mean() < 0.02


@pytest.mark.parametrize("pair", [((1024, 1.0), (512, 2.0)), ((512, 2.0), (256, 4.0))])
def test_half_the_pixels_of_twice_the_size_show_the_same_tissue(pair):
    fine, coarse = (phantom(size=size, mpp=mpp) for size, mpp in pair)
    assert fine.layout.pieces == coarse.layout.pieces
    a, b = halves(whole(fine)), whole(coarse)
    assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.9
    np.testing.assert_allclose(a.mean((0, 1)), b.mean((0, 1)), atol=2)


@pytest.mark.parametrize("extent", (0.01, 0.1, 0.5, 0.9))
def test_the_tumour_takes_its_share_of_the_section_and_lies_in_it(extent):
    tumour, section = phantom(size=1024, mpp=2.0, extent=extent).truth()
    assert not (tumour & ~section).any()
    assert tumour.sum() / section.sum() == pytest.approx(extent, rel=0.15)


def test_slides_without_tumour_have_no_truth_and_the_same_section():
    ill, well = phantom(positive=True), phantom(positive=False)
    assert not well.truth()[0].any()
    assert np.array_equal(ill.truth()[1], well.truth()[1])


def test_a_tumour_changes_nothing_elsewhere():
    """So stain, folds, pen and the rest of the tissue are the same in both classes."""
    from scipy.ndimage import binary_dilation

    ill, well = phantom(positive=True), phantom(positive=False)
    place = ill.lesions[1][0].inside(*((np.arange(256) + 0.5) * 4.0,) * 2) > 0
    near = binary_dilation(place, iterations=12)
    a, b = whole(ill), whole(well)
    assert np.array_equal(a[~near], b[~near]) and not np.array_equal(a[place], b[place])


@pytest.mark.parametrize(
    "given, message",
    [
        ({"location": "liver"}, "Expected a location of tubular, airy, fatty, crypts, bundles. Received: 'liver'"),
        ({"mpp": 0.05}, "Expected sides of at least 256 um, of pixels of 0.1 to 8 um"),
        ({"size": 32}, "Expected sides of at least 256 um"),
    ],
)
def test_impossible_slides_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        phantom(**given)
