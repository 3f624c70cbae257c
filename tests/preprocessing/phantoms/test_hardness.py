"""The phantoms as a task: hard for the trivial baseline, and a slice's position says little."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from mil_tf.evaluation.baselines import largest_component
from preprocessing.phantoms import generate
from preprocessing.phantoms.cohort import labels_of
from preprocessing.phantoms.sheet import display_slices

pytestmark = pytest.mark.long  # many phantoms at once

N, SIZE, SEED = 120, 96, 0


def measure(task):
    """(baseline score, slice truth) of one phantom."""
    index, label = task
    phantom = generate(SEED, index, SIZE, bool(label))
    volume = display_slices(phantom.volume, phantom.affine)
    truth = display_slices(phantom.mask, phantom.affine).any((1, 2))
    return largest_component(volume, phantom.spacing), truth


@pytest.fixture(scope="module")
def measured():
    """Labels, scores and slice truths of 120 phantoms of 96 x 96 pixels."""
    labels = labels_of(N, 0.5, SEED)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        scores, truths = zip(*pool.map(measure, enumerate(labels), chunksize=8))
    return labels, np.array(scores), truths


def test_trivial_baseline_is_neither_blind_nor_enough(measured):
    labels, scores, _ = measured
    assert 0.60 <= average_precision_score(labels, scores) <= 0.85


def test_position_of_a_slice_says_little(measured):
    _, _, truths = measured
    truth = np.concatenate(truths)
    central = np.concatenate([-np.abs(np.linspace(-1, 1, len(t))) for t in truths])
    height = np.concatenate([np.linspace(-1, 1, len(t)) for t in truths])
    assert 0.45 <= roc_auc_score(truth, central) <= 0.62
    assert 0.40 <= roc_auc_score(truth, height) <= 0.60


def test_every_positive_has_a_positive_slice_and_no_negative_has_one(measured):
    labels, _, truths = measured
    assert [bool(t.any()) for t in truths] == labels.astype(bool).tolist()
