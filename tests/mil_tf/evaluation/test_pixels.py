"""Pixelwise figures are those of the pixels written out, with and without the background, by location."""

import numpy as np
import pytest

from mil_tf.evaluation.pixel_cells import Cells, slide_pixels
from mil_tf.evaluation.pixels import ALL, MEASURES, Slide, score_pixels

PLACES = ("kidney", "lung")


def make(count=6, seed=0, unknown=0.1):
    """[(Slide, Cells, logits (R, C))] of random slides of two locations, each patient with two."""
    rng, found = np.random.default_rng(seed), []
    for place in range(count):
        pixels = np.full((5, 6), 16)
        tissue, positive = rng.integers(0, 17, (2, 5, 6)) * (rng.random((2, 5, 6)) < 0.7)
        cells, logits = Cells(4, pixels, tissue, positive), rng.normal(positive / 8 - 1, 1)
        logits[rng.random((5, 6)) < unknown] = np.nan
        where = PLACES[place // 2 % 2]
        slide = Slide(f"s{place}", f"p{place // 2}", where, lambda c=cells, m=logits: slide_pixels(c, m))
        found.append((slide, cells, logits))
    return found


def written_out(cells, logits, background):
    """(truth, probability) of every pixel of a slide."""
    truth, probability = [], []
    for count, tissue, positive, logit in zip(*(each.ravel() for each in (*cells[1:], logits))):
        inside = min(tissue, positive)
        rows = [(1, inside, True), (0, tissue - inside, True)]
        rows += [(1, positive - inside, False), (0, count - tissue - positive + inside, False)] if background else []
        for label, pixels, is_tissue in rows:
            answer = 1 / (1 + np.exp(-logit)) if is_tissue and np.isfinite(logit) else 0
            truth += [label] * pixels
            probability += [answer] * pixels
    return np.array(truth), np.array(probability)


@pytest.mark.parametrize("background", [False, True])
@pytest.mark.parametrize("location", [ALL, *PLACES])
def test_they_are_those_of_all_pixels(location, background):
    metrics = pytest.importorskip("sklearn.metrics")
    made = make()
    found = score_pixels([slide for slide, _, _ in made], 0.4, 50)
    parts = [written_out(cells, logits, background) for slide, cells, logits in made if location in (ALL, slide.location)]
    truth, probability = (np.concatenate(each) for each in zip(*parts))
    called = probability >= 0.4
    expected = (metrics.roc_auc_score(truth, probability), metrics.precision_score(truth, called),
                metrics.recall_score(truth, called), metrics.recall_score(1 - truth, ~called))
    part = found.part(location, background)
    assert [part.estimates[name].value for name in MEASURES] == pytest.approx(expected, abs=1e-12)
    assert part.slides == len(parts) and part.patients == len(parts) // 2
    for estimate in part.estimates.values():
        assert estimate.low < estimate.value < estimate.high or part.patients == 1


def test_a_slide_has_its_own_auc_and_counts():
    metrics = pytest.importorskip("sklearn.metrics")
    made = make()
    found = score_pixels([slide for slide, _, _ in made], 0.4, 20)
    for counts, (_, cells, logits) in zip(found.slides, made):
        for background in (False, True):
            truth, probability = written_out(cells, logits, background)
            assert counts.auc[background] == pytest.approx(metrics.roc_auc_score(truth, probability), abs=1e-12)
            assert sum(counts.confusion(background)) == len(truth)
        assert counts.unanswered == cells.tissue[np.isnan(logits)].sum()
    assert found.counts["pixels"] == 6 * 480 and found.counts["slides"] == 6 and found.counts["patients"] == 3


def test_intervals_are_by_patient_and_do_not_depend_on_the_order():
    slides = [slide for slide, _, _ in make()]
    one, other = (score_pixels(order, 0.5, 200) for order in (slides, slides[::-1]))
    for part in one.parts:
        for name, estimate in part.estimates.items():
            assert estimate[:3] == pytest.approx(other.part(part.location, part.background).estimates[name][:3], nan_ok=True)
    # A patient's slides split into as many patients tell more, or as much.
    apart = score_pixels([slide._replace(patient=slide.id) for slide in slides], 0.5, 200)
    assert apart.part().patients == 6 and one.part().patients == 3


def test_a_single_location_is_all():
    found = score_pixels([slide._replace(location="") for slide, _, _ in make()], 0.5, 20)
    assert [(part.location, part.background) for part in found.parts] == [(ALL, False), (ALL, True)]
    assert [name for name, _, _ in found.rows()][::4] == ["pixels_auc", "pixels_with_background_auc"]


def test_what_is_undefined_says_why():
    pixels = slide_pixels(Cells(4, np.full((1, 1), 16), np.full((1, 1), 9), np.zeros((1, 1), int)), np.zeros((1, 1)))
    part = score_pixels([Slide("s", "p", "", lambda: pixels)], 0.9, 20).part()
    told = {name: part.estimates[name].note for name in MEASURES}
    assert told == {"auc": "undefined: one class only", "precision": "undefined: no pixel called",
                    "recall": "undefined: no tumour", "specificity": "no interval: one patient only"}
