import csv

import numpy as np
import pytest

from mil_tf.evaluation.columns import TableError
from mil_tf.localization.detector import Detector
from mil_tf.localization.located import points_of
from mil_tf.localization.scoring import count
from mil_tf.localization.tables import Slice, read_located, read_points, write_points

DETECTOR = Detector(0.3, 0.2, 5)


def slices(patients=4, each=3, seed=0):
    """Slices of noise, of which a third have no box, a third two, and a third unknown ones."""
    rng = np.random.default_rng(seed)
    boxes = [np.empty((0, 4)), np.array([[0, 0, 20, 20], [10.5, 10.5, 31.5, 39.5]]), None]
    return [
        Slice(f"s{patient}/{place}", f"p{patient}", int(place != 0), (32, 40), rng.normal(size=(8, 10)), rng.random(),
              boxes[place % 3])
        for patient in range(patients) for place in range(each)
    ]


def test_points_come_back_as_the_detector_found_them(tmp_path):
    given = slices()
    write_points(tmp_path, "x", given, DETECTOR)
    found = read_points(tmp_path / "points-x.csv")
    assert len(found.id)
    for one in given:
        points, values = points_of(one.map2d, one.shape, one.probability, DETECTOR)
        mine = found.id == one.id
        assert np.stack([found.row[mine], found.column[mine]], axis=1).tolist() == points.tolist()
        np.testing.assert_allclose(found.value[mine], values, rtol=1e-8)
        hits = -1 if one.boxes is None else found.in_box[mine].sum()
        assert (found.in_box[mine] == -1).all() if hits == -1 else hits == len(points) - count(points, one.boxes).fp


def test_slices_with_known_boxes_come_back_with_their_counts(tmp_path):
    given = [one for one in slices() if one.boxes is not None]
    write_points(tmp_path, "x", slices(), DETECTOR)
    found = read_located(tmp_path / "located-x.csv")
    assert found.id.tolist() == [one.id for one in given] and found.patient.tolist() == [one.patient for one in given]
    assert found.y_true.tolist() == [one.y_true for one in given]
    assert found.boxes.tolist() == [len(one.boxes) for one in given]
    assert found.counts.tolist() == [
        list(count(points_of(one.map2d, one.shape, one.probability, DETECTOR)[0], one.boxes)) for one in given
    ]
    assert set(found.used) == {"test"}


def test_the_middle_is_one_point_on_each_slice_that_is_called_positive(tmp_path):
    boxes = np.array([[10, 10, 20, 20.0], [0, 0, 3, 3]])
    given = [Slice(f"s/{p}", "p", 1, (32, 32), np.zeros((8, 8)), p, boxes) for p in (0.49, 0.5, 1.0)]
    write_points(tmp_path, "x", given, DETECTOR)
    found = read_located(tmp_path / "located-x.csv")
    assert found.middle.tolist() == [[0, 0, 2], [1, 0, 1], [1, 0, 1]]
    assert found.counts.tolist() == [[0, 0, 2]] * 3


def test_only_positive_slices_have_points_where_so_asked(tmp_path):
    write_points(tmp_path, "x", slices(), DETECTOR, only_positive=True)
    positive = {one.id for one in slices() if one.probability >= 0.5}
    assert set(read_points(tmp_path / "points-x.csv").id) == positive < {one.id for one in slices()}


def test_what_a_patient_was_used_for_stands_beside_it(tmp_path):
    used = {"p0": "tune", "p1": "test", "p2": "tune", "p3": "test"}
    write_points(tmp_path, "x", slices(), DETECTOR, used=used)
    found = read_located(tmp_path / "located-x.csv")
    assert found.used.tolist() == [used[patient] for patient in found.patient]
    with pytest.raises(ValueError, match="Expected tune or test for patient p3. Received: None"):
        write_points(tmp_path, "x", slices(), DETECTOR, used={**used, "p3": None})


def test_without_boxes_there_is_no_table_of_them(tmp_path):
    write_points(tmp_path, "x", slices(), DETECTOR)
    write_points(tmp_path, "x", [one._replace(boxes=None) for one in slices()], DETECTOR)
    assert [path.name for path in tmp_path.iterdir()] == ["points-x.csv"]
    assert set(read_points(tmp_path / "points-x.csv").in_box) == {-1}


def test_a_cohort_without_points_has_an_empty_table(tmp_path):
    write_points(tmp_path, "x", [one._replace(map2d=np.zeros((8, 10))) for one in slices()], DETECTOR)
    assert read_points(tmp_path / "points-x.csv").row.shape == (0,)
    assert not read_located(tmp_path / "located-x.csv").counts[:, :2].any()


def test_slices_may_be_plain_tuples_that_come_one_by_one(tmp_path):
    write_points(tmp_path, "x", slices(), DETECTOR)
    write_points(tmp_path, "y", (tuple(one) for one in slices()), DETECTOR)
    for kind in ("points", "located"):
        assert (tmp_path / f"{kind}-x.csv").read_bytes() == (tmp_path / f"{kind}-y.csv").read_bytes()


HEAD, ROW = "id,patient,y_true,boxes,tp,fp,fn,used", "a,p,1,2,1,0,1,test"


def test_a_table_of_another_model_needs_no_middle(tmp_path):
    (tmp_path / "located-x.csv").write_text(f"{HEAD}\n{ROW}\n")
    found = read_located(tmp_path / "located-x.csv")
    assert found.counts.tolist() == [[1, 0, 1]] and found.middle is None


@pytest.mark.parametrize("text, told", [
    (HEAD, "expected at least one row"),
    (f"{HEAD.replace('fn', 'misses')}\n{ROW}", "missing fn"),
    (f"{HEAD}\n{ROW}\n{ROW}", "line 3: slice a appears twice"),
    (f"{HEAD}\n{ROW.replace('test', 'train')}", "line 2: expected tune or test as used, received 'train'"),
    (f"{HEAD}\n{ROW}\nb,p,1,2,1,0,2,test", "line 3: expected tp and fn to make up all 2 boxes, received 3"),
    (f"{HEAD}\na,p,1,2,3,0,-1,test", "line 2: expected a count as fn, received '-1'"),
    (f"{HEAD}\na,p,1,2,1,0.5,1,test", "line 2: expected a whole number as fp"),
    (f"{HEAD}\na,p,,2,1,0,1,test", "line 2: expected a finite number as y_true"),
])
def test_a_broken_table_is_refused_with_its_line(tmp_path, text, told):
    (tmp_path / "located-x.csv").write_text(text + "\n")
    with pytest.raises(TableError, match="located-x.csv") as caught:
        read_located(tmp_path / "located-x.csv")
    assert told in str(caught.value) and "\n" not in str(caught.value)


def test_the_tables_have_the_columns_that_others_read(tmp_path):
    write_points(tmp_path, "x", slices(), DETECTOR)
    heads = [next(csv.reader((tmp_path / f"{kind}-x.csv").open(newline=""))) for kind in ("points", "located")]
    assert heads[0] == ["id", "patient", "row", "column", "value", "in_box"] and heads[1][:8] == HEAD.split(",")
