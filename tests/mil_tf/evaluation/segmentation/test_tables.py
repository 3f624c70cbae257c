import csv

import pytest

from mil_tf.evaluation.columns import TableError
from mil_tf.evaluation.segmentation import tables
from mil_tf.evaluation.segmentation.scores import score_segmentations
from tests.mil_tf.evaluation.segmentation.made import rows


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_counts_come_back(tmp_path):
    tables.write_rows(tmp_path / tables.COUNTS, rows(2, 1))
    assert tables.read_rows(tmp_path / tables.COUNTS) == rows(2, 1)


def test_a_count_below_zero(tmp_path):
    bad = [rows(2, 1)[0]._replace(fp=-1)]
    tables.write_rows(tmp_path / tables.COUNTS, bad)
    with pytest.raises(TableError, match="line 2: expected a count of 0 or above as fp, received '-1'"):
        tables.read_rows(tmp_path / tables.COUNTS)


def test_tables_hold_what_the_scores_do(tmp_path):
    scores = score_segmentations(rows())
    tables.write_scores(tmp_path / tables.SCORES, scores)
    tables.write_cases(tmp_path / tables.CASES, scores)
    first = read(tmp_path / tables.SCORES)[:3]
    one, part = first[0], scores.parts[0]
    assert [each["model"] for each in first] == ["before", "after", "change"]
    assert float(one["mean"]) == pytest.approx(part.summaries["before"]["dice"].mean.value, rel=1e-5)
    assert float(one["variance"]) == pytest.approx(float(one["std"]) ** 2, rel=1e-4)
    assert float(first[2]["median"]) == pytest.approx(part.changes["dice"].median, rel=1e-5)
    cases = read(tmp_path / tables.CASES)
    assert len(cases) == 2 * sum(len(part.cases.id) for part in scores.parts)
    assert float(cases[0]["dice"]) == pytest.approx(part.cases.values[0, 0, 0], rel=1e-5)
