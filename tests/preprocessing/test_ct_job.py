import csv
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from preprocessing import inputs, workers
from preprocessing.__main__ import main
from tests.preprocessing.killed import script
from tfrecords import Dataset, reader, writer
from tfrecords.verify import findings


def write_labels(path, labels, header="id,label"):
    path.write_text("\n".join([header, *(f"{id},{label}" for id, label in labels.items())]) + "\n")
    return path


@pytest.fixture
def command(tmp_path):
    """command(*more, jobs=1) -> the arguments of a job over tmp_path/scans."""

    def arguments(*more, out="out", jobs=1):
        folders = [
            "--scans",
            tmp_path / "scans",
            "--labels",
            tmp_path / "labels.csv",
            "--out",
            tmp_path / out,
        ]
        return [str(part) for part in ("ct", *folders, "--brain", "none", "--size", 8, "--jobs", jobs, *more)]

    return arguments


@pytest.fixture
def cohort(save, tmp_path):
    """Four good scans a to d with labels."""
    for seed, id in enumerate("abcd"):
        save(f"scans/{id}.nii.gz", seed=seed)
    write_labels(tmp_path / "labels.csv", dict.fromkeys("ac", 1) | dict.fromkeys("bd", 0))


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def rejected(folder):
    with open(folder / "rejected.csv", newline="") as file:
        return {row["id"]: row["reason"] for row in csv.DictReader(file)}


def test_scans_become_bags(cohort, command, tmp_path, capsys):
    assert main(command()) == 0
    assert (
        f"4 bags (2 positive) of 4 patients, 24 slices, 1 shards in {tmp_path / 'out'}"
        in capsys.readouterr().out
    )
    dataset = Dataset(tmp_path / "out")
    assert list(findings(dataset.folder)) == []
    made = dataset.info["preprocessing"]
    assert made["kind"] == "ct" and made["settings"]["size"] == 8 and len(made["hash"]) == 16
    assert reader.read_bag(dataset.folder, dataset.by_id["a"]).label.tolist() == [1]
    assert rejected(dataset.folder) == {}


def test_every_bad_input_is_listed_with_its_reason_and_the_job_goes_on(
    cohort, command, save, tmp_path, capsys
):
    scans = tmp_path / "scans"
    whole = (scans / "a.nii.gz").read_bytes()
    random = np.random.default_rng(0)
    volume = random.integers(-1000, 1000, (10, 12, 6)).astype(np.float32)

    def with_value(value):
        data = volume.copy()
        data[1, 2, 3] = value
        return data

    (scans / "cut.nii.gz").write_bytes(whole[: len(whole) // 2])
    (scans / "text.nii").write_text("not a scan")
    save("scans/four.nii.gz", random.integers(0, 9, (4, 4, 3, 2)).astype(np.int16))
    save("scans/no-codes.nii.gz", codes=(0, 0))
    save("scans/singular.nii.gz", affine=np.diag([0.5, 0.5, 0, 1]), codes=(1, 0))
    save("scans/nan.nii.gz", with_value(np.nan))
    save("scans/infinite.nii.gz", with_value(np.inf))
    save("scans/large.nii.gz", with_value(1e5))
    save("scans/no-slices.nii.gz", np.zeros((4, 4, 0), np.int16))
    save("scans/constant.nii.gz", np.full((4, 4, 3), -1000, np.int16))
    save("scans/unlabelled.nii.gz")
    save("scans/twice.nii.gz")
    save("scans/sub/twice.nii")
    save("scans/odd-label.nii.gz")
    bad = [
        "cut",
        "text",
        "four",
        "no-codes",
        "singular",
        "nan",
        "infinite",
        "large",
        "no-slices",
        "constant",
        "twice",
        "gone",
    ]
    labels = dict.fromkeys("ac", 1) | dict.fromkeys("bd", 0) | dict.fromkeys(bad, 1) | {"odd-label": "yes"}
    write_labels(tmp_path / "labels.csv", labels)
    with open(tmp_path / "labels.csv", "a") as table:
        table.write("row-twice,1\nrow-twice,0\n")

    assert main(command()) == 0
    assert "4 bags (2 positive)" in capsys.readouterr().out
    reasons = rejected(tmp_path / "out")
    expected = {
        "cut": "unreadable or truncated",
        "text": "unreadable or truncated",
        "four": "expected a 3-D volume, is 4-D (4, 4, 3, 2)",
        "no-codes": "no axial direction: sform and qform codes are 0",
        "singular": "no axial direction: the affine is singular",
        "nan": "1 voxels are NaN or infinite",
        "infinite": "1 voxels are NaN or infinite",
        "large": "are no HU",
        "no-slices": "zero slices: the volume is empty",
        "constant": "zero slices: all 3 are of one constant value",
        "unlabelled": "a scan without a label",
        "gone": "a label without a scan",
        "twice": "duplicate id: 2 files have it",
        "row-twice": "duplicate id: 2 rows in the label table",
        "odd-label": "label must be 0 or 1, is 'yes' (line 18)",
    }
    assert reasons.keys() == expected.keys()
    for id, reason in expected.items():
        assert reason in reasons[id], id
    assert [row.id for row in Dataset(tmp_path / "out").rows] == list("abcd")
    assert Dataset(tmp_path / "out").info["counts"]["rejected"] == 16  # both files of "twice"
    assert list(findings(tmp_path / "out")) == []


def test_a_table_without_one_usable_row_is_told_by_its_first_reason(cohort, command, tmp_path, capsys):
    write_labels(tmp_path / "labels.csv", dict.fromkeys("abcd", "yes"))
    assert main(command()) == 2
    told = capsys.readouterr().err
    assert "no row can be used; the first: id 'a': label must be 0 or 1, is 'yes' (line 2)." in told
    assert not (tmp_path / "out").exists()


def test_the_same_bytes_whatever_the_number_of_jobs(cohort, command, tmp_path):
    assert main(command(out="one", jobs=1)) == main(command(out="two", jobs=2)) == 0
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_a_killed_job_resumes_to_the_same_bytes(save, command, tmp_path, monkeypatch):
    for seed in range(6):
        save(f"scans/s{seed}.nii.gz", seed=seed)
    (tmp_path / "scans/s1.nii.gz").write_bytes(b"broken")
    write_labels(tmp_path / "labels.csv", {f"s{k}": k % 2 for k in range(6)})
    two_bags = 2 * 6 * 8 * 8 * 2
    monkeypatch.setattr(inputs, "SHARD_BYTES", two_bags)
    assert main(command(out="whole")) == 0
    code = script(command(jobs=2), f"inputs.SHARD_BYTES = {two_bags}")
    killed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    out = tmp_path / "out"
    assert not (out / "dataset.json").exists()
    first = out / "bags-00000-of-00003.tfrecord"
    kept = first.stat().st_mtime_ns
    assert main(command(jobs=2)) == 0
    assert first.stat().st_mtime_ns == kept
    assert contents(out) == contents(tmp_path / "whole")
    assert list(rejected(out)) == ["s1"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_job_says_how_to_resume(cohort, command, tmp_path, monkeypatch, capsys, number):
    before = signal.getsignal(signal.SIGTERM)
    with monkeypatch.context() as patch:
        patch.setattr(writer._Shard, "write", lambda *args, **given: os.kill(os.getpid(), number))
        assert main(command()) == 130
    assert (
        f"Stopped. Whole shards in {tmp_path / 'out'} are kept; the same command resumes."
        in capsys.readouterr().err
    )
    assert signal.getsignal(signal.SIGTERM) == before
    assert main(command()) == 0


def test_a_finished_folder_is_left_alone(cohort, command, tmp_path, capsys):
    main(command())
    before = contents(tmp_path / "out")
    assert main(command()) == 0
    assert "is already finished with these scans and settings; nothing to do" in capsys.readouterr().out
    assert main(command("--seed", 1)) == 2
    assert "is a finished data set; give another folder, or --force" in capsys.readouterr().err
    assert contents(tmp_path / "out") == before
    assert main(command("--seed", 1, "--force")) == 0
    assert contents(tmp_path / "out") != before


def test_a_table_of_the_cohort_lies_beside_the_bags(cohort, command, tmp_path):
    path = tmp_path / "out" / "cohort.csv"
    assert main(command()) == 0
    made = path.read_bytes()
    assert [row["id"] for row in csv.DictReader(made.decode().splitlines())] == list("abcd")
    path.unlink()
    assert main(command()) == 0
    assert path.read_bytes() == made


def test_changed_labels_are_another_job(cohort, command, tmp_path, capsys):
    main(command())
    write_labels(tmp_path / "labels.csv", dict.fromkeys("abcd", 1))
    assert main(command()) == 2
    assert "is a finished data set" in capsys.readouterr().err


def test_truth_goes_into_the_bags(cohort, command, save, tmp_path):
    drawn = np.zeros((10, 12, 6), np.uint8)
    drawn[5, 6, 4] = 2
    save("masks/a.nii.gz", drawn)
    (tmp_path / "slices.csv").write_text("id,source_index,label\nc,1,1\na,0,1\n")
    main(command("--masks", tmp_path / "masks", "--slice-labels", tmp_path / "slices.csv"))
    dataset = Dataset(tmp_path / "out")
    truth = {}
    for row in dataset.rows:
        bag = reader.read_bag(dataset.folder, row)
        truth[row.id] = bag.instance_label[np.argsort(bag.source_index), 0].tolist()
        assert (bag.mask is not None) == (row.id == "a")
    assert truth == {"a": [1, 0, 0, 0, 1, 0], "b": [0] * 6, "c": [-1, 1, -1, -1, -1, -1], "d": [0] * 6}


def test_other_columns_go_to_meta_and_patients_to_the_table(cohort, command, tmp_path):
    (tmp_path / "labels.csv").write_text("id,label,patient,site\na,1,p,x\nb,0,p,\n")
    main(command())
    dataset = Dataset(tmp_path / "out")
    assert [row.patient for row in dataset.rows] == ["p", "p"]
    assert [reader.read_fields(dataset.folder, row).meta for row in dataset.rows] == [{"site": "x"}, {}]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda path: (path / "labels.csv").write_text("name,label\na,1\n"), "Expected columns id,label"),
        (lambda path: (path / "labels.csv").unlink(), "Received: No such file"),
        (lambda path: (path / "labels.csv").write_text("id,label\nz,1\n"), "such as 'a'. Received: 'z'"),
        (lambda path: (path / "scans").rename(path / "moved"), "Expected a folder of .nii or .nii.gz files"),
    ],
)
def test_what_cannot_start_says_so_in_one_line_and_writes_nothing(
    cohort, command, tmp_path, capsys, change, message
):
    change(tmp_path)
    assert main(command()) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("option", "value"),
    [("--size", "0"), ("--null", "x"), ("--orientation", "XYZ"), ("--jobs", "0"), ("--seed", "-1")],
)
def test_a_wrong_option_is_one_line(cohort, command, capsys, option, value):
    assert main(command(option, value)) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_job_without_any_usable_scan_ends_with_1(cohort, command, tmp_path):
    for path in (tmp_path / "scans").iterdir():
        path.write_bytes(b"broken")
    assert main(command()) == 1
    assert len(rejected(tmp_path / "out")) == 4


def test_a_dead_worker_is_one_line_and_resumable(cohort, command, monkeypatch, capsys):
    def die(*args):
        raise workers.WorkerError(
            "a worker died at or near scan a; run the same command with fewer --jobs to resume"
        )

    monkeypatch.setattr(workers, "products", lambda *args: (die() for _ in range(1)))
    assert main(command()) == 2
    assert "run the same command with fewer --jobs to resume" in capsys.readouterr().err
    monkeypatch.undo()
    assert main(command()) == 0


@pytest.mark.parametrize("arguments", [["--help"], ["ct", "--help"], ["split", "--help"]])
def test_help_imports_nothing_heavy(arguments):
    code = (
        "import sys\nfrom preprocessing.__main__ import main\n"
        f"try: main({arguments})\nexcept SystemExit: pass\n"
        "heavy = ('tensorflow', 'matplotlib', 'scipy', 'skimage', 'nibabel')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    environment = {**os.environ, "COLUMNS": "200"}
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment).stdout
    assert out.endswith("[]\n") and "python -m preprocessing" in out


def test_settings_in_the_folder_make_the_same_bag_again(cohort, command, tmp_path):
    from preprocessing.ct import CtSettings, load_bag

    main(command("--null", "5", "--seed", 7))
    info = json.loads((tmp_path / "out/dataset.json").read_text())
    settings = CtSettings.from_dict(info["preprocessing"]["settings"])
    assert settings.hash() == info["preprocessing"]["hash"]
    dataset = Dataset(tmp_path / "out")
    stored = reader.read_bag(dataset.folder, dataset.by_id["b"])
    again = load_bag(tmp_path / "scans/b.nii.gz", settings, id="b")
    np.testing.assert_array_equal(again.instances, stored.instances)
    np.testing.assert_array_equal(again.source_index, stored.source_index)
