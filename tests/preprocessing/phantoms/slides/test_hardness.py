"""The slides as a task: a slide's mean colour does not tell its label, a tile's texture tells tumour from the rest."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from preprocessing.phantoms.slides.cohort import IN_DISTRIBUTION, draw_cohort
from preprocessing.phantoms.slides.slide import MASK, SlidePhantom

pytestmark = pytest.mark.long  # many phantoms at once

N, SIZE, MPP, TILE, SEED = 40, 512, 2.0, 64, 0  # tiles of 128 um


def texture(tile):
    """What a tile's darkness varies by in four bands of sizes, (8,)."""
    dark, found = -np.log((tile[..., 0] + 1) / 256), []
    for sigma in (0.7, 1.4, 2.8, 5.6):
        smooth = gaussian_filter(dark, sigma)
        found += [(dark - smooth).std(), np.quantile(dark - smooth, 0.97)]
        dark = smooth
    return found


def tiles_of(picture, tumour, section):
    """(texture, truth) of the tiles that lie in tissue and are tumour by half at least, or not at all."""
    side = TILE // MASK
    for row, column in np.ndindex(SIZE // TILE, SIZE // TILE):
        mask = (slice(row * side, row * side + side), slice(column * side, column * side + side))
        share = tumour[mask].mean()
        if section[mask].mean() > 0.75 and (share == 0 or share >= 0.5):
            yield texture(picture[row * TILE : row * TILE + TILE, column * TILE : column * TILE + TILE]), share > 0


@pytest.fixture(scope="module")
def measured():
    """Of 40 slides: labels, mean colours, and textures, truths and slides of their tiles."""
    labels, colours, tiles = [], [], []
    for index, (label, _, location) in enumerate(draw_cohort(N, IN_DISTRIBUTION, 0.5, SEED)):
        slide = SlidePhantom(SEED, index, location, bool(label), (SIZE, SIZE), MPP)
        picture, truth = slide.render(0, 0, SIZE, SIZE).astype(float), slide.truth()
        labels.append(label)
        colours.append(picture.mean((0, 1)))
        tiles += [(*tile, index) for tile in tiles_of(picture, *truth)]
    features, truth, slide = (np.array(column) for column in zip(*tiles))
    return np.array(labels), np.array(colours), features, truth, slide


def predicted(features, labels, folds, groups=None):
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    return cross_val_predict(model, features, labels, cv=folds, groups=groups, method="predict_proba")[:, 1]


@pytest.mark.slow
def test_the_mean_colour_of_a_slide_does_not_tell_its_label(measured):
    labels, colours = measured[:2]
    folds = [StratifiedKFold(10, shuffle=True, random_state=k) for k in range(5)]
    score = np.mean([roc_auc_score(labels, predicted(colours, labels, fold)) for fold in folds])
    assert 0.3 <= score <= 0.65  # chance alone spreads 40 labels by 0.09


@pytest.mark.slow
def test_the_texture_of_a_tile_tells_tumour_from_the_rest(measured):
    _, _, features, truth, slide = measured
    assert roc_auc_score(truth, predicted(features, truth, GroupKFold(6), slide)) >= 0.93
