import numpy as np

from mil_tf.evaluation.intervals import Estimate
from mil_tf.evaluation.paired import Difference
from mil_tf.evaluation.segmentation import told
from mil_tf.evaluation.segmentation.counts import ANY, Row
from mil_tf.evaluation.segmentation.scores import Change, Summary, score_segmentations
from tests.mil_tf.evaluation.segmentation.made import rows

NONE = float("nan")


def test_a_summary_is_written_as_in_table_1():
    one = Summary(Estimate(0.4061, 0.3, 0.5), 0.4239, 0.1271, 20)
    assert told.summary_told(one, 20) == "0.406 (0.424) ± 0.127"
    assert told.summary_told(one, 21) == "0.406 (0.424) ± 0.127, n = 20"
    assert told.summary_told(one._replace(n=0), 20) == "undefined"
    assert told.summary_told(one._replace(std=NONE), 20) == "0.406 (0.424)"


def test_changes_go_up_down_or_stay():
    one = Change(0.192, Difference(-0.0001, -0.2, 0.1, 0, 0.4, ""), 0.03, 20)
    assert told.median_told(one) == "▲ 0.192" and told.rank_told(one) == "p = 0.0300"
    assert told.median_told(one._replace(median=-0.05)) == "▼ 0.050"
    assert told.median_told(one._replace(median=0.0001)) == "= 0.000"
    assert told.interval_told(one) == "0.000 [-0.200, +0.100]"
    assert told.rank_told(one._replace(p=1e-6)) == "p < 0.0001"
    assert told.rank_told(one._replace(p=NONE, note="no test: why")) == "no test: why"


def test_lines_name_every_data_set_and_type():
    text = "\n".join(told.segmentation_lines(score_segmentations(rows())))
    assert "near: 8 cases" in text and "far, subdural: 8 cases" in text and "▲" in text


def test_cases_without_blood_are_counted():
    pairs = {"h": ((0, 5, 0), (0, 0, 0)), "s": ((0, 0, 7), (3, 0, 4)), "t": ((5, 0, 0), (5, 0, 0))}
    given = [Row(model, id, id, "d", ANY, *counts) for id, both in pairs.items()
             for model, counts in zip(("before", "after"), both)]
    text = told.part_told(score_segmentations(given).parts[0].cases)
    assert text == ("d: 3 cases; 1 without true blood, with false alarms in 1 before and 0 after; "
                    "nothing found in 1 before and 0 after of those with it")


def test_the_page_escapes_names_and_shows_the_figure():
    scores = score_segmentations(rows(3, 1, data_sets=("<b>",), types=()))
    html = "".join(told.segmentation_part(scores, "<svg></svg>"))
    assert "&lt;b&gt;" in html and "<b>" not in html and "<svg></svg>" in html
    assert "<svg>" not in "".join(told.segmentation_part(scores))
    assert not np.isnan(scores.parts[0].changes["dice"].median)
