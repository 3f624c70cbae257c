"""Which runs are one grid, what is missing from it, and what cannot stand in it."""

import numpy as np
import pytest

from mil_tf.evaluation.cohort import score_cohort
from mil_tf.evaluation.grid import find_grids
from mil_tf.evaluation.tables import Predictions
from tests.mil_tf.evaluation.grids import make_config


def score(bags=12, prefix="bag"):
    ids = np.array([f"{prefix}-{i}" for i in range(bags)])
    truth = np.arange(bags) % 2
    return score_cohort("test", Predictions("p.csv", ids, ids, truth, 0.2 + 0.6 * truth), None, None, 20, 0)


def run(tmp_path, bags, fold, seed=0, found=None, config=True, **more):
    folder = tmp_path / f"bags-{bags}" / f"fold-{fold}" / f"seed-{seed}"
    return folder, make_config(bags, fold, seed, **more) if config else {}, found or score()


def test_members_stand_in_order_and_nothing_is_missing_from_a_full_grid(tmp_path):
    results = [run(tmp_path, bags, fold) for bags in (200, 100) for fold in (1, 0)]
    (grid,), strangers = find_grids(results)
    assert [member[1:4] for member in grid.members] == [(100, 0, 0), (100, 1, 0), (200, 0, 0), (200, 1, 0)]
    assert (grid.sizes, grid.missing, grid.set_aside, grid.common_test) == ([100, 200], [], [], True)
    assert (grid.label, strangers) == ("", [])


def test_what_is_missing_is_named_with_the_reason(tmp_path):
    results = [run(tmp_path, 100, 0), run(tmp_path, 100, 1), run(tmp_path, 200, 0)]
    begun = [(*run(tmp_path, 300, 1)[:2], "failed: loss is nan")]
    (grid,), _ = find_grids(results, begun)
    assert grid.missing == ["200 bags, fold 1, seed 0: no run", "300 bags, fold 0, seed 0: no run",
                            "300 bags, fold 1, seed 0: failed: loss is nan"]


def test_another_grids_unfinished_run_is_not_missed_here(tmp_path):
    results = [run(tmp_path, 100, 0), run(tmp_path, 200, 0)]
    begun = [(*run(tmp_path, 300, 0, recipe="nemcek2021")[:2], "begun")]
    assert find_grids(results, begun)[0][0].missing == []


@pytest.mark.parametrize(("other", "label"), [
    ({"recipe": "nemcek2021"}, "nemcek2021"),
    ({"options": {"scoring": "fast", "backbone": "resnet34"}}, "scoring=fast"),
    ({"data": {"folder": "elsewhere", "shards": "1" * 64}}, "data=elsewhere"),
    ({"preprocessing": {"hash": "abc"}}, "preprocessing=abc"),
])
def test_what_differs_is_never_mixed(tmp_path, other, label):
    results = [run(tmp_path / "a", 100, 0), run(tmp_path / "a", 200, 0), run(tmp_path / "b", 100, 0, **other)]
    one, two = find_grids(results)[0]
    assert (len(one.members), len(two.members)) == (2, 1)
    assert two.label == label
    assert one.label != label


def test_a_folder_that_was_moved_is_the_same_data(tmp_path):
    moved = {"data": {"folder": "there", "shards": "0" * 64}}
    assert len(find_grids([run(tmp_path, 100, 0), run(tmp_path, 200, 0, **moved)])[0]) == 1


def test_a_place_that_is_taken_is_said(tmp_path):
    (grid,), _ = find_grids([run(tmp_path / "a", 100, 0), run(tmp_path / "b", 100, 0)])
    assert len(grid.members) == 1
    assert "is taken by" in grid.set_aside[0]


def test_of_a_fold_the_commonest_test_set_counts(tmp_path):
    results = [run(tmp_path, bags, fold) for bags in (100, 200, 300) for fold in (0, 1)]
    results[1] = run(tmp_path, 100, 1, found=score(14))
    (grid,), _ = find_grids(results)
    assert grid.set_aside == ["100 bags, fold 1, seed 0: another test set (14 bags of 14 patients, 7 positive)"]
    assert grid.missing == ["100 bags, fold 1, seed 0: no run"]
    assert grid.common_test


def test_folds_may_have_test_sets_of_their_own(tmp_path):
    results = [run(tmp_path, bags, fold, found=score(prefix=f"fold{fold}")) for bags in (100, 200) for fold in (0, 1)]
    (grid,), _ = find_grids(results)
    assert (len(grid.members), grid.set_aside, grid.common_test) == (4, [], False)


def test_rows_in_another_order_are_the_same_test_set(tmp_path):
    table = score().predictions
    turned = Predictions("p.csv", *(getattr(table, name)[::-1] for name in ("id", "patient", "y_true", "y_prob")))
    other = score_cohort("test", turned, None, None, 20, 0)
    (grid,), _ = find_grids([run(tmp_path, 100, 0), run(tmp_path, 200, 0, found=other)])
    assert grid.common_test


def test_without_a_config_the_folder_tells_the_place(tmp_path):
    (grid,), strangers = find_grids([
        run(tmp_path, 100, 3, config=False), run(tmp_path, 200, 3, config=False), (tmp_path / "mine", {}, score()),
    ])
    assert [member[1:4] for member in grid.members] == [(100, 3, 0), (200, 3, 0)]
    assert strangers == [tmp_path / "mine"]
