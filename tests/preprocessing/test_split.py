import pytest

from preprocessing.__main__ import main
from preprocessing.cohort import Volume
from preprocessing.split import left_in, table
from tfrecords import Dataset
from tfrecords.verify import findings


@pytest.fixture
def folder(make_bag, write_dataset):
    return write_dataset([make_bag(f"v{k:02d}", 1, label=int(k < 20)) for k in range(40)])


def test_a_data_set_gets_its_splits(folder, capsys):
    assert main(["split", "--data", str(folder)]) == 0
    out = capsys.readouterr().out
    rows = [line.split("  ") for line in out.splitlines()[1:6]]
    cells = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    assert cells[0] == [
        "0",
        "12 + 12 (24)",
        "4 + 4 (8)",
        "4 + 4 (8)",
    ]  # 20 % of 20, then 16 over five folds: 4, 3, 3, 3, 3
    assert cells[4] == ["4", "13 + 13 (26)", "3 + 3 (6)", "4 + 4 (8)"]
    dataset = Dataset(folder)
    assert dataset.folds == [0, 1, 2, 3, 4]
    tests = [[row.id for row in dataset.splits(fold)["test"]] for fold in dataset.folds]
    assert tests == [tests[0]] * 5
    assert sum(len(part) for part in dataset.splits(3).values()) == 40
    assert list(findings(folder)) == []


def test_further_splits_of_a_table_are_counted_too():
    part = [Volume("a", "p", 1), Volume("b", "q", 0)]
    head, row = table({(0, "train"): part, (0, "tune"): part[:1]})
    assert head.split()[:5] == ["fold", "train", "validation", "test", "tune"]
    assert "1 + 1 (2)" in row and row.endswith("1 + 0 (1)")


def test_splits_are_frozen(folder, capsys):
    main(["split", "--data", str(folder)])
    before = (folder / "splits.csv").read_bytes()
    assert main(["split", "--data", str(folder), "--seed", "1"]) == 2
    assert "splits are frozen; give another --out, or --force to write over it" in capsys.readouterr().err
    assert (folder / "splits.csv").read_bytes() == before
    assert main(["split", "--data", str(folder), "--seed", "1", "--force"]) == 0
    assert (folder / "splits.csv").read_bytes() != before


def test_a_label_table_is_enough(tmp_path, capsys):
    labels, out = tmp_path / "labels.csv", tmp_path / "splits.csv"
    labels.write_text("id,label\n" + "".join(f"v{k},{int(k < 525)}\n" for k in range(4882)))
    assert main(["split", "--labels", str(labels), "--out", str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "positive + negative volumes (patients)" in lines[0]
    assert "positive + negative slides (patients)" in table({}, "slide")[0]
    for line in lines[1:6]:
        assert "336 + 336 (672)" in line and "84 + 84 (168)" in line and "105 + 3937 (4042)" in line
    rows = out.read_text().splitlines()
    assert rows[0] == "id,patient,split,fold" and len(rows) == 1 + 5 * 4882
    first = out.read_bytes()
    main(["split", "--labels", str(labels), "--out", str(out), "--force"])
    assert out.read_bytes() == first


def test_what_is_left_out_and_not_balanced_is_printed(tmp_path, capsys):
    labels, out = tmp_path / "labels.csv", tmp_path / "splits.csv"
    rows = [f"v{k},1,p{k}" for k in range(10)] + [f"n{k},0,q{k // 4}" for k in range(64)]
    labels.write_text("\n".join(["id,label,patient", *rows]))
    main(["split", "--labels", str(labels), "--out", str(out)])
    assert "negative volumes left out, as their patients are in training: n" in capsys.readouterr().out
    labels.write_text("id,label\n" + "".join(f"v{k},{int(k < 30)}\n" for k in range(40)))
    main(["split", "--labels", str(labels), "--out", str(out), "--force"])
    assert "Training is not balanced: there are too few negatives." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "more", "message"),
    [
        ("id,label\na,1\n", [], "--labels needs --out"),
        (
            "id,label\na,1\nb,x\nc,y\n",
            ["--out", "s.csv"],
            "2 rows cannot be used, the first is 'b': label must be 0 or 1, is 'x' (line 3)",
        ),
        ("id,label\na,1\n", ["--out", "s.csv"], "Expected at least 6 patients with positive volumes"),
        (
            "id,label\na,1\n",
            ["--out", "s.csv", "--seed", "-1"],
            "--seed: Expected a whole number of at least 0",
        ),
        ("id\na\n", ["--out", "s.csv"], "Expected columns id,label"),
    ],
)
def test_what_cannot_be_split_is_one_line(tmp_path, monkeypatch, capsys, text, more, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "labels.csv").write_text(text)
    assert main(["split", "--labels", "labels.csv", *more]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert not (tmp_path / "s.csv").exists()


def test_several_classes_are_refused(make_bag, write_dataset, capsys):
    folder = write_dataset([make_bag("a", 1, label=[0, 1])], info={"classes": ["x", "y"]})
    assert main(["split", "--data", str(folder)]) == 2
    assert "Expected bags with one label, 0 or 1. Received: 2 labels of bag a" in capsys.readouterr().err


def test_what_was_marked_is_in_no_split(folder, tmp_path, capsys):
    (tmp_path / "exclude.csv").write_text("id\nv03\nv21\nrejected\n")
    assert main(["split", "--data", str(folder), "--exclude", str(tmp_path / "exclude.csv")]) == 0
    out = capsys.readouterr().out
    assert "2 volumes are excluded by" in out and "1 ids in" in out and "such as 'rejected'" in out
    placed = {row.id for part in Dataset(folder).splits(0).values() for row in part}
    assert len(placed) == 38 and not placed & {"v03", "v21"}
    (tmp_path / "exclude.csv").write_text("name\nv03\n")
    assert main(["split", "--data", str(folder), "--force", "--exclude", str(tmp_path / "exclude.csv")]) == 2
    assert "--exclude: Expected a table with a column id" in capsys.readouterr().err


def test_a_whole_split_uses_every_slice_once_and_by_patient(make_bag, write_dataset, capsys):
    bags = [make_bag(f"v{k:02d}/{index}", 1, label=int(k < 20 and index == 1), patient=f"p{k:02d}")
            for k in range(40) for index in range(2)]
    folder = write_dataset(bags)
    assert main(["split", "--data", str(folder), "--whole", "--validation-fraction", "0.25"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert [cell.strip() for cell in out[1].split("  ") if cell.strip()] == [
        "0", "12 + 36 (24)", "4 + 12 (8)", "4 + 12 (8)",
    ]
    assert len(out) == 3  # neither a bag left out nor a word on balance
    dataset = Dataset(folder)
    assert dataset.folds == [0] and list(findings(folder)) == []
    assert main(["split", "--data", str(folder), "--whole", "--test-fraction", "0", "--force"]) == 0
    parts = Dataset(folder).splits(0)
    assert [len(parts[name]) for name in ("train", "validation", "test")] == [76, 4, 0]


def test_options_of_the_other_kind_of_split_are_refused(folder, capsys):
    assert main(["split", "--data", str(folder), "--whole", "--folds", "5"]) == 2
    assert "Expected --folds without --whole only" in capsys.readouterr().err
    assert main(["split", "--data", str(folder), "--validation-fraction", "0.1"]) == 2
    assert "Expected --validation-fraction with --whole only" in capsys.readouterr().err


def test_a_scan_stands_for_its_slices(tmp_path):
    slices = [Volume(f"{scan}/{index}", scan, 1) for scan in "ab" for index in range(2)]
    path = tmp_path / "exclude.csv"
    path.write_text("id\na\nb/1\n")
    assert [volume.id for volume in left_in(slices, path, "slice")[0]] == ["b/0"]
    assert [volume.id for volume in left_in(slices, path, "scan")[0]] == ["a/0", "a/1", "b/0"]
