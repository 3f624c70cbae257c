"""The fields as a task: numbers of cells and brightness do not tell the class, what the cells look like does."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from preprocessing.phantoms.fields.cohort import draw_field

pytestmark = pytest.mark.long  # many phantoms at once

N, SIZE, SCALE, SEED = 180, (192, 192), 0.5, 0


def texture(pixels):
    """What every channel varies by in three bands of sizes, (6 c,)."""
    found = []
    for plane in pixels.astype("f4"):
        for sigma in (0.7, 1.4, 2.8):
            smooth = gaussian_filter(plane, sigma)
            found += [np.log(np.abs(plane - smooth).mean()), np.log(np.quantile(plane - smooth, 0.99))]
            plane = smooth
    return found


@pytest.fixture(scope="module")
def measured():
    """{what was measured: array (fields, numbers)} of 180 fields of one label each, and their labels."""
    rows, labels = {"count": [], "means": [], "texture": [], "truth": []}, []
    for index in range(N):
        place, field = draw_field("mechanisms", SEED, index, SIZE, SCALE)
        names = [name for _, _, name in field.cells]
        labels.append(place.labels[0])
        rows["count"].append([len(names)])
        rows["means"].append(field.pixels.mean((1, 2)))
        rows["texture"].append(texture(field.pixels))
        rows["truth"].append([names.count(name) / len(names) for name in field.classes])
    return {name: np.array(values) for name, values in rows.items()}, np.array(labels)


def accuracy(measured, name):
    """Cross-validated accuracy of logistic regression; chance is 1/12, and spreads by 0.02."""
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    return cross_val_score(model, measured[0][name], measured[1], cv=folds).mean()


@pytest.mark.slow
@pytest.mark.parametrize("name", ("count", "means"))
def test_neither_the_number_of_cells_nor_the_channels_means_tell_the_class(measured, name):
    assert accuracy(measured, name) < 0.2


@pytest.mark.slow
def test_the_classes_of_the_cells_tell_it_and_so_does_their_texture(measured):
    assert accuracy(measured, "truth") > 0.97
    assert accuracy(measured, "texture") > 0.45
