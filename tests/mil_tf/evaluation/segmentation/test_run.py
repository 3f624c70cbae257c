"""A run that answers in masks, from its tables to its report."""

import json

import numpy as np
import pytest

from mil_tf.evaluation.columns import TableError
from mil_tf.evaluation.run import evaluate
from mil_tf.evaluation.segmentation.counts import slice_rows
from mil_tf.evaluation.segmentation.run import cohorts, recursions
from mil_tf.evaluation.segmentation.tables import write_rows
from tests.runs import rows

TYPES = ("epidural", "subdural")


def truth(place):
    mask = np.zeros((8, 8), np.uint8)
    mask[2:6, 2:6] = 1 + place % 2 if place % 3 else 0
    return mask


def write_run(folder, names=("validation", "test", "other")):
    """A run of 12 slices of 4 patients a cohort; the model gains a row of pixels by recursion."""
    (folder / "recursion-0").mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"recipe": "parida2021", "answers": "masks", "classes": TYPES}))
    for name in names:
        (folder / f"predictions-{name}.csv").write_text("id,patient,y_true,y_prob,top_instance\n")
        for model, lost in (("before", 2), ("after", 1)):
            found = []
            for place in range(12):
                mask = truth(place)
                mask[: 2 + lost + place % 2] = 0
                found += slice_rows(model, f"{name}/{place}", f"{name}-{place % 4}", name, mask, truth(place), TYPES)
            write_rows(folder / f"segments-{name}-{model}.csv", found)
    shown = np.stack([truth(1), truth(2)])
    np.savez(folder / "overlays-test.npz", ids=["a", "b"], slices=shown.astype(np.float16), truth=shown, before=shown,
             after=shown, pixels=[(1.0, 2.0)] * 2)
    record = {"recursion": 0, "images": 3, "segmented": 2, "newly_segmented": 2, "healthy": 1, "ended": "the cap"}
    (folder / "recursion-0" / "record.json").write_text(json.dumps(record))
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = write_run(tmp_path_factory.mktemp("runs") / "run")
    told = []
    evaluate(folder, resamples=50, show=told.append)
    return folder, "\n".join(told)


def test_table_1_has_every_cohort_but_validation(run):
    folder, told = run
    table = rows(folder / "evaluation" / "segmentation.csv")
    assert [*dict.fromkeys(row["data_set"] for row in table)] == ["test", "other"]
    assert {row["type"] for row in table} == {"any", *TYPES}
    dice = {row["model"]: float(row["mean"]) for row in table
            if (row["data_set"], row["type"], row["metric"]) == ("test", "any", "dice")}
    assert dice["after"] > dice["before"] and "test: 4 cases" in told and "median change" in told


def test_the_page_stands_alone_with_table_figures_and_recursions(run):
    folder, told = run
    page = (folder / "report.html").read_text()
    assert str(folder / "report.html") in told and page.count("<svg") == 2 and "the cap" in page
    for name in ("segmentation_boxes", "overlays-test"):
        assert all((folder / "evaluation" / f"{name}.{end}").is_file() for end in ("png", "pdf", "svg"))
    assert recursions(folder)[0]["images"] == 3


def test_several_runs_have_a_summary(run, tmp_path):
    for name in ("one", "two"):
        write_run(tmp_path / name, ("validation", "test"))
    told = []
    evaluate(tmp_path, resamples=50, show=told.append)
    found = rows(tmp_path / "summary.csv")
    assert [row["run"] for row in found] == ["one", "two"] and float(found[0]["test_dice_change"]) > 0


def test_a_cohort_that_was_not_predicted_and_a_broken_table_are_told(run, tmp_path):
    folder, _ = run
    with pytest.raises(TableError, match="Expected segments-new-before.csv. Received: none"):
        cohorts(folder, "new")
    broken = write_run(tmp_path / "run", ("validation", "test"))
    path = broken / "segments-test-after.csv"
    path.write_text("\n".join(path.read_text().splitlines()[:-3]) + "\n")
    with pytest.raises(TableError, match="Expected every slice of both before and after"):
        evaluate(broken, resamples=50, show=lambda line: None)
