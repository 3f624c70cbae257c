import numpy as np
import pytest
from scipy.stats import wilcoxon

from mil_tf.evaluation.segmentation.counts import ANY, Row
from mil_tf.evaluation.segmentation.scores import score_segmentations, signed_rank
from tests.mil_tf.evaluation.segmentation.made import rows


def of_dice(before, after):
    """Rows of cases with these Dice: 100 pixels each, as many called as true."""
    return [Row(model, str(at), str(at), "d", ANY, hit, 100 - hit, 100 - hit)
            for model, values in (("before", before), ("after", after)) for at, hit in enumerate(values)]


def test_table_1_by_hand():
    before, after = [10, 20, 30, 90, 50], [20, 20, 60, 95, 70]
    part, = score_segmentations(of_dice(before, after)).parts
    one = part.summaries["before"]["dice"]
    assert (one.mean.value, one.median, one.n) == (pytest.approx(0.4), pytest.approx(0.3), 5)
    assert one.std == pytest.approx(np.std(before, ddof=1) / 100)
    change = part.changes["dice"]
    assert change.median == pytest.approx(0.6 - 0.3) and change.mean.value == pytest.approx(0.13)
    assert change.p == pytest.approx(wilcoxon(np.subtract(after, before)).pvalue)
    assert change.mean.low < 0.13 < change.mean.high


def test_the_bootstrap_by_patient_is_that_of_the_mean():
    rng = np.random.default_rng(3)
    before, after = rng.integers(0, 60, 40), rng.integers(30, 90, 40)
    change = score_segmentations(of_dice(before, after)).parts[0].changes["dice"]
    error = np.std((after - before) / 100, ddof=1) / 40**0.5
    assert (change.mean.high - change.mean.low) / (2 * 2.0227) == pytest.approx(error, rel=0.06)  # Student's t, 39


def test_a_real_gain_is_seen_and_none_is_not_invented():
    gained = score_segmentations(rows(gain=2.0)).parts[0].changes["dice"]
    same = score_segmentations(rows(gain=0.0)).parts[0].changes["dice"]
    assert gained.mean.low > 0 and gained.p < 0.05 and gained.median > 0
    assert same.mean.value == 0 and np.isnan(same.p) and "alike" in same.note and "alike" in same.mean.note


def test_a_part_for_every_data_set_and_type():
    parts = score_segmentations(rows()).parts
    told = {(part.cases.data_set, part.cases.type) for part in parts}
    assert told == {(name, kind) for name in ("near", "far") for kind in (ANY, "epidural", "subdural")}


def test_undefined_metrics_are_left_out_and_the_change_is_over_what_both_have():
    cases = of_dice([50, 60, 70], [60, 80, 70])
    cases += [Row("before", "h", "h", "d", ANY, 0, 5, 0), Row("after", "h", "h", "d", ANY, 0, 0, 0)]
    part, = score_segmentations(cases).parts
    assert (part.summaries["before"]["dice"].n, part.summaries["after"]["dice"].n, part.changes["dice"].n) == (4, 3, 3)
    assert part.summaries["before"]["recall"].n == 3
    assert part.changes["dice"].mean.value == pytest.approx(0.1)


def test_no_case_at_all_is_told():
    cases = [Row(model, "1", "p", "d", ANY, 0, 0, 0) for model in ("before", "after")]
    part, = score_segmentations(cases).parts
    assert np.isnan(part.summaries["after"]["dice"].mean.value) and part.changes["dice"].note.startswith("undefined")


def test_one_patient_has_no_interval():
    part, = score_segmentations(of_dice([50], [60])).parts
    assert np.isnan(part.summaries["before"]["dice"].mean.low) and np.isnan(part.changes["dice"].mean.low)
    assert np.isnan(part.summaries["before"]["dice"].std)


def test_slices_are_cases_but_patients_are_what_is_tested():
    part = score_segmentations(rows(data_sets=("near",), types=()), "slice").parts[0]
    assert len(part.cases.id) == 24
    difference = part.cases.values[1, 0] - part.cases.values[0, 0]
    means = [difference[part.cases.patient == each].mean() for each in np.unique(part.cases.patient)]
    assert part.changes["dice"].p == signed_rank(difference, part.cases.patient)[0] == wilcoxon(means).pvalue


def test_same_seed_same_numbers():
    one, other = (score_segmentations(rows(), seed=4).parts[0] for _ in range(2))
    assert one.changes == other.changes and one.summaries == other.summaries
