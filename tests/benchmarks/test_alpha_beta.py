"""The 15 configurations: which they are, the paper's table beside ours, the matrices, and what is said of the pattern."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from benchmarks import alpha_beta, tables
from benchmarks.alpha_beta import CONFIGURATIONS, IN, OUT
from benchmarks.alpha_beta_figure import MEASURES, matrices, matrix, write_figure
from benchmarks.alpha_beta_pattern import pattern
from benchmarks.alpha_beta_table import PAPER, table_one
from tests.mil_tf.evaluation.slide_runs import write_run, write_slides


def rows(auc, seeds=1, cohort=IN, background="no", location="all", spread=0.0):
    """Rows of the benchmark: `auc` maps configurations to values, or is the paper's column; seeds lie `spread` apart."""
    auc = dict(zip(CONFIGURATIONS, auc)) if not isinstance(auc, dict) else auc
    return [{"alpha": alpha, "beta": beta, "seed": seed, "cohort": cohort, "location": location, "background": background,
             **dict.fromkeys(MEASURES, value), "auc": value + spread * (seed - (seeds - 1) / 2)}
            for (alpha, beta), value in auc.items() for seed in range(seeds)]


def test_the_configurations_are_the_papers_to_the_digit():
    assert len(set(CONFIGURATIONS)) == 15
    for alpha, beta in CONFIGURATIONS:
        assert Fraction(alpha) > 0 and Fraction(alpha) + Fraction(beta) <= 1
        assert (Fraction(alpha) * 5).denominator == (Fraction(beta) * 5).denominator == 1
        assert (alpha, beta) == alpha_beta.name_of({"alpha": float(alpha), "beta": float(beta)})


def test_the_papers_numbers_have_the_means_of_its_text():
    assert np.mean(PAPER[IN, "no"]) == pytest.approx(0.675, abs=5e-4)
    assert np.std(PAPER[IN, "no"]) == pytest.approx(0.132, abs=5e-3)
    assert np.mean(PAPER[OUT, "no"]) == pytest.approx(0.679, abs=1e-3)
    assert all(len(column) == 15 for column in PAPER.values())
    assert dict(zip(CONFIGURATIONS, PAPER[IN, "no"]))["0.2", "0.2"] == max(PAPER[IN, "no"]) == 0.804


def test_table_one_has_ours_beside_the_papers():
    results = rows({("0.2", "0.2"): 0.9, ("1", "0"): 0.5}, 3, spread=0.01) + rows({("0.4", "0"): 1.0}, background="yes")
    headings, found = table_one(results)
    assert headings[2:] == [", ".join(name) for name in CONFIGURATIONS]
    lines = {tuple(line[:2]): dict(zip(headings[2:], line[2:])) for line in found}
    ours = lines[f"{IN}, without background", "ours, mean of 3 seeds"]
    assert (ours["0.2, 0.2"], ours["1, 0"], ours["0.4, 0"]) == (".900", ".500", "")
    assert lines[f"{IN}, without background", "ours, standard deviation"]["0.2, 0.2"] == ".010"
    assert lines[f"{IN}, with background", "ours, mean of 1 seed"]["0.4, 0"] == "1.000"
    assert lines[f"{OUT}, with background", "the paper's, on TCGA"]["0.2, 0"] == ".984"
    assert sum("paper" in whose for _, whose in lines) == 4


def test_the_page_has_the_table_and_the_answer(tmp_path, monkeypatch):
    from benchmarks.common import write_csv

    monkeypatch.setattr(tables, "ROOT", tmp_path)
    (tmp_path / "docs" / "results").mkdir(parents=True)
    write_csv(tmp_path / "docs" / "results" / "alpha_beta.csv", rows(PAPER[IN, "no"]))
    text = tables.table("alpha_beta")
    assert text.count("| .804 |") == 2 and "pattern holds (AUC without background" in text


def test_the_papers_own_numbers_hold():
    told = pattern(rows(PAPER[IN, "no"], 3, spread=0.01))
    assert told.startswith("The paper's in-distribution pattern holds (AUC without background, 3 seeds, ±")
    assert "As there, (0.2, 0.2) with 0.804 ± 0.010 is best; (0.2, 0) with 0.786 ± 0.010 comes next, 0.018 ± 0.000" in told
    assert "As there, (1, 0) with 0.256 ± 0.010 and (0.2, 0.8) with 0.566 ± 0.010 are worst." in told
    assert told.endswith("correlation with the paper's column is 1.00.")


def test_another_best_is_said_with_its_lead():
    auc = {**dict(zip(CONFIGURATIONS, PAPER[IN, "no"])), ("0.4", "0"): 0.9}
    told = pattern(rows(auc))
    assert "holds in part (AUC without background, one seed, so that its spread is not known)" in told
    assert "Best is (0.4, 0) with 0.900; the paper's best, (0.2, 0.2) with 0.804, is number 2 of 15, 0.096 behind." in told


def test_other_worst_are_said_with_their_places():
    auc = dict.fromkeys(CONFIGURATIONS, 0.7) | {("0.2", "0.2"): 0.6, ("1", "0"): 0.9, ("0.8", "0"): 0.1, ("0.2", "0.8"): 0.2}
    told = pattern(rows(auc))
    assert "holds in part" not in told and "does not hold" in told
    assert "Worst are (0.8, 0) with 0.100 and (0.2, 0.8) with 0.200" in told
    assert "of the paper's two worst, (1, 0) with 0.900, is number 1." in told


def test_a_lead_that_seeds_do_not_agree_on_is_said():
    auc = dict(zip(CONFIGURATIONS, PAPER[IN, "no"]))
    found = rows(auc, 2)
    for row in found:
        if (row["alpha"], row["beta"]) == ("0.2", "0"):
            row["auc"] = 0.9 if row["seed"] else 0.7
    assert "which the seeds' spread hides" in pattern(found)


def test_what_is_not_measured_is_not_answered():
    assert "cannot be told: (0.2, 0.2), (1, 0) and (0.2, 0.8) not measured yet" in pattern(rows({("0.4", "0"): 0.9}))
    assert "cannot be told" in pattern([])
    some = {name: 0.5 + 0.1 * place for place, name in enumerate((("1", "0"), ("0.2", "0.8"), ("0.2", "0.2")))}
    assert "(AUC without background, 3 of 15 configurations, one seed" in pattern(rows(some))


def test_a_matrix_has_each_configuration_in_its_cell():
    results = rows({name: place / 20 for place, name in enumerate(CONFIGURATIONS)}, 2, spread=0.1)
    found = matrix(results, "auc", IN, "all", "no")
    assert found.shape == (5, 5) and np.isfinite(found).sum() == 15
    assert found[0, 0] == 0 and found[0, 4] == pytest.approx(0.2) and found[4, 0] == pytest.approx(0.7)
    assert np.isnan(found[np.add.outer(np.arange(5), np.arange(5)) > 4]).all()


def test_the_figure_has_a_line_a_location_and_a_value_a_cell(tmp_path):
    results = [row for cohort, places in ((IN, ("kidney", "all", "breast")), (OUT, ("all",)))
               for place in places for row in rows(PAPER[cohort, "no"], 2, cohort, location=place)]
    figure = matrices(results)
    panels = [axes for axes in figure.axes if axes.images and axes.texts]
    assert len(panels) == 4 * len(MEASURES)
    assert [axes.get_ylabel().splitlines()[0] for axes in panels[:: len(MEASURES)]] == [
        "all locations", "breast", "kidney", "all locations"]
    assert [text.get_text() for text in panels[0].texts] == [f"{value:.3f}"[1:] for value in PAPER[IN, "no"]]
    write_figure(tmp_path / "alpha_beta.png", results)
    assert (tmp_path / "alpha_beta.png").stat().st_size > 10_000


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """Stands in for training: runs of made-up maps; the commands that it was called with."""
    import train

    data, called = write_slides(tmp_path / "data"), []

    def main(command):
        called.append(command)
        seed, out = int(command[command.index("--seed") + 1]), Path(command[command.index("--out") + 1])
        run = write_run(out / "lerousseau2020" / "bags-8" / "fold-0" / f"seed-{seed}", data, seed=seed)
        config = json.loads((run / "config.json").read_text())
        config |= {"options": {"max_epochs": 2, "backbone": "resnet10", "patches": 50}, "bags": 8, "versions": {}}
        (run / "config.json").write_text(json.dumps(config))
        (run / "progress.json").write_text(json.dumps({"seconds": 12.3}))
        return 0

    monkeypatch.setattr(train, "main", main)
    monkeypatch.setattr(alpha_beta, "RESAMPLES", 20)
    return data, called


def test_what_is_measured_is_kept_and_gone_on_with(trained, tmp_path, capsys):
    data, called = trained
    out = tmp_path / "alpha_beta.csv"
    words = ["--data", str(data), "--runs", str(tmp_path / "runs"), "--seeds", "1", "--out", str(out), "--set", "patches=50"]
    assert alpha_beta.main([*words, "--only", "0.2,0.2"]) == 0
    first = out.read_text()
    assert alpha_beta.main([*words, "--only", "0.2,0.2", "1,0"]) == 0
    assert out.read_text().startswith(first) and len(called) == 2
    assert called[0][-3:] == ["alpha=0.2", "beta=0.2", "patches=50"] and "--resume" in called[1]
    from benchmarks.common import read_csv

    found = read_csv(out)
    assert len(found) == 2 * 6 and {row["location"] for row in found} == {"all", "breast", "kidney"}
    assert {row["background"] for row in found} == {"yes", "no"} and {row["seconds"] for row in found} == {12}
    for row in found:
        assert 0 <= row["auc_low"] <= row["auc"] <= row["auc_high"] <= 1 and row["threshold"] == 0.4
    assert "(0.2, 0.8) not measured yet" in capsys.readouterr().out
    assert (tmp_path / "alpha_beta.png").exists()


@pytest.mark.parametrize("words, told", [
    (["--quick"], "made with options --quick patches=50. Received: rows with patches=50"),
    (["--map", "position"], "made with options patches=50 map=position. Received: rows with patches=50"),
])
def test_rows_of_other_options_are_refused(trained, tmp_path, monkeypatch, capsys, words, told):
    data, called = trained
    monkeypatch.setattr("benchmarks.alpha_beta_figure.write_figure", lambda path, results: None)
    common = ["--data", str(data), "--runs", str(tmp_path / "runs"), "--seeds", "1", "--out", str(tmp_path / "found.csv"),
              "--only", "0.2,0.2", "--set", "patches=50"]
    assert alpha_beta.main(common) == 0
    before = (tmp_path / "found.csv").read_text()
    assert alpha_beta.main([*common, *words]) == 2 and len(called) == 1
    assert told in capsys.readouterr().err and (tmp_path / "found.csv").read_text() == before


def test_rows_of_other_data_are_refused(trained, tmp_path, monkeypatch, capsys):
    data, called = trained
    monkeypatch.setattr("benchmarks.alpha_beta_figure.write_figure", lambda path, results: None)
    common = ["--runs", str(tmp_path / "runs"), "--seeds", "1", "--out", str(tmp_path / "found.csv"), "--only", "0.2,0.2"]
    assert alpha_beta.main(["--data", str(data), *common]) == 0
    other = write_slides(tmp_path / "other", count=6)
    assert alpha_beta.main(["--data", str(other), *common]) == 2 and len(called) == 1
    assert "made with data sha256 " in capsys.readouterr().err


def test_another_data_set_is_predicted_and_scored_as_out_of_location(trained, tmp_path, monkeypatch):
    import mil_tf.inference

    data, _ = trained
    other = write_slides(tmp_path / "other", count=6, location=False, patient="q")
    kept = {}

    def predict(run, folder, name):
        kept["config"] = (run / "config.json").read_text()
        write_run(run, folder, name, seed=5, tables=())
        (run / "config.json").write_text(kept["config"])

    monkeypatch.setattr(mil_tf.inference, "predict_dataset", predict)
    words = ["--data", str(data), "--out-of-location", str(other), "--runs", str(tmp_path / "runs"), "--seeds", "1"]
    out = tmp_path / "found.csv"
    assert alpha_beta.main([*words, "--only", "0.4,0", "--out", str(out)]) == 0
    from benchmarks.common import read_csv

    found = read_csv(out)
    assert [row["cohort"] for row in found] == [IN] * 6 + [OUT] * 2
    assert {row["slides"] for row in found if row["cohort"] == OUT} == {6}


def test_patients_of_both_data_sets_are_refused_before_anything_is_trained(trained, tmp_path, capsys):
    data, called = trained
    other = write_slides(tmp_path / "other")
    words = ["--data", str(data), "--out-of-location", str(other), "--runs", str(tmp_path / "runs")]
    assert alpha_beta.main(words) == 2 and not called
    assert "Expected other patients than" in capsys.readouterr().err


def test_a_configuration_that_is_none_is_refused(capsys):
    with pytest.raises(SystemExit):
        alpha_beta.main(["--only", "0.3,0.2"])
    assert "received 0.3,0.2" in capsys.readouterr().err
