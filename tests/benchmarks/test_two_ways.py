import csv

from benchmarks.two_ways import main


def write(folder, scores):
    folder.mkdir(parents=True)
    lines = [f"b{i},p{i},{int(i < 10)},{score},0" for i, score in enumerate(scores)]
    (folder / "predictions-test.csv").write_text("\n".join(["id,patient,y_true,y_prob,top_instance", *lines]))


def test_pairs_of_runs_are_compared(tmp_path, capsys):
    good, poor = [1 - i / 50 for i in range(40)], [(i * 7 % 40) / 50 for i in range(40)]
    for name, scores in (("a", good), ("b", poor)):
        write(tmp_path / name / "bags-5", scores)
    write(tmp_path / "a" / "alone", good)
    out = tmp_path / "out.csv"
    assert main([str(tmp_path / "a"), str(tmp_path / "b"), "--out", str(out)]) == 0
    (row,) = csv.DictReader(out.open())
    assert row["run"] == "bags-5" and float(row["ap_first"]) == 1 and float(row["ap_value"]) > 0.3
    assert float(row["ap_value"]) == round(1 - float(row["ap_second"]), 3) and float(row["auc_p"]) < 0.05
    assert main([str(tmp_path / "b"), str(tmp_path / "c")]) == 2
    assert "Expected runs that both folders have" in capsys.readouterr().err
