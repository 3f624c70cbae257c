"""python -m preprocessing slides: a folder of slides becomes a folder of bags."""

import csv
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from preprocessing import inputs
from preprocessing.__main__ import main
from preprocessing.slides import cells
from tests.preprocessing.killed import script
from tests.preprocessing.slides.conftest import stained
from tfrecords import Dataset, reader, writer
from tfrecords.verify import findings

SMALL = ("--tile", 32, "--cell", 16, "--tissue", "released", "--no-qc")


@pytest.fixture
def command(tmp_path):
    """command(*more, out="out", jobs=1) -> the arguments of a job over tmp_path/slides."""

    def arguments(*more, out="out", jobs=1, labels="labels.csv"):
        labels = labels if labels == "tcga" else tmp_path / labels
        given = ["--slides", tmp_path / "slides", "--labels", labels, "--out", tmp_path / out, "--jobs", jobs]
        return [str(part) for part in ("slides", *given, *SMALL, *more)]

    return arguments


@pytest.fixture
def cohort(save, tmp_path):
    """Four good slides a to d with labels."""
    for seed, id in enumerate("abcd"):
        save(f"slides/{id}.tif", stained(200, 300, seed))
    (tmp_path / "labels.csv").write_text("id,label,patient,location\na,1,p,kidney\nb,0,p,kidney\nc,1,q,breast\nd,0,,\n")


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def rejected(folder):
    with open(folder / "rejected.csv", newline="") as file:
        return {row["id"]: row["reason"] for row in csv.DictReader(file)}


def bags(folder):
    dataset = Dataset(folder)
    return {row.id: reader.read_bag(dataset.folder, row) for row in dataset.rows}


def test_slides_become_bags(cohort, command, tmp_path, capsys):
    assert main(command()) == 0
    out, told = tmp_path / "out", capsys.readouterr()
    assert f"4 bags (2 positive) of 3 patients, {sum(bag.n for bag in bags(out).values())} tiles, 1 shards in {out}" in told.out
    assert "4/4 slides" in told.err
    assert list(findings(out)) == [] and rejected(out) == {}
    info = Dataset(out).info
    assert info["classes"] == ["tumour"] and info["preprocessing"]["kind"] == "slides" and len(info["preprocessing"]["hash"]) == 16
    assert info["preprocessing"]["settings"]["tile"] == 32
    found = bags(out)
    assert {id: (bag.patient, int(bag.label[0]), bag.meta.get("location")) for id, bag in found.items()} == {
        "a": ("p", 1, "kidney"), "b": ("p", 0, "kidney"), "c": ("q", 1, "breast"), "d": ("d", 0, None),
    }
    for id, bag in found.items():
        assert bag.instances is None and bag.meta["cells"] == f"slides/{id}.npz"
        counts = cells.load(out / bag.meta["cells"])
        assert counts.cell == 16 and counts.tissue.shape == (13, 19) and counts.positive is None
    assert (out / "cohort.csv").read_text().startswith("id,patient,label,tiles,")


def test_materialised_bags_hold_their_pixels(cohort, command, tmp_path):
    assert main(command("--materialise")) == 0
    info = Dataset(tmp_path / "out").info
    assert info["instances"] == {"dtype": "uint8", "shape": [32, 32, 3]} and info["preprocessing"]["materialised"]
    assert all(bag.instances.shape == (bag.n, 32, 32, 3) and bag.source_path for bag in bags(tmp_path / "out").values())
    assert main(command()) == 2  # another job


def test_every_bad_file_is_listed_with_its_reason_and_the_job_goes_on(cohort, command, save, tmp_path, capsys):
    slides = tmp_path / "slides"
    whole = (slides / "a.tif").read_bytes()
    for name, content in {
        "empty.svs": b"", "text.svs": b"not a slide\n", "cut.tif": whole[: len(whole) // 2], "start.ndpi": whole[:100],
        "noise.tif": b"II*\0\x08\0\0\0" + bytes(range(256)), "readme.txt": b"hello", "photo.jpg": b"\xff\xd8\xff\xe0",
    }.items():
        (slides / name).write_bytes(content)
    save("slides/five-times.tif", stained(), mpp=2.0)
    save("slides/no-resolution.tif", stained(), mpp=None)
    save("slides/strips.tif", stained(), tile=None, mpp=None)
    save("slides/glass.tif", np.full((200, 300, 3), 255, np.uint8))
    save("slides/tiny.tif", stained(16, 16), tile=(16, 16))
    save("slides/deep.tif", stained().astype(np.uint16), tile=None)
    save("slides/unlabelled.tif", stained())
    save("slides/sub/twice.tif", stained())
    save("slides/twice.tif", stained())
    names = ["empty", "text", "cut", "start", "noise", "five-times", "no-resolution", "strips", "glass", "tiny", "deep", "twice", "gone"]
    with open(tmp_path / "labels.csv", "a") as table:
        table.write("".join(f"{id},1,,\n" for id in names) + "odd,x,,\n")
    assert main(command()) == 0
    assert "4 bags (2 positive)" in capsys.readouterr().out
    expected = {
        "empty": "not a slide: neither OpenSlide nor tifffile knows", "text": "not a slide: neither OpenSlide nor tifffile",
        "cut": "truncated", "start": "truncated or damaged", "noise": "damaged", "readme.txt": "not a slide: .txt",
        "photo.jpg": "not a slide: .jpg", "five-times": "too coarse: Expected 0.5 micrometres a pixel or finer. Received: 2",
        "no-resolution": "its resolution is not in the file; --mpp gives", "strips": "its resolution is not in the file; --mpp",
        "glass": "no tissue: no tile of 32 pixels", "tiny": "smaller than a tile: 16 x 16 pixels", "deep": "Expected 8 bits a colour",
        "unlabelled": "a slide without a label", "gone": "a label without a slide", "twice": "duplicate id: 2 files have it",
        "odd": "label must be 0 or 1, is 'x'",
    }
    reasons = rejected(tmp_path / "out")
    assert reasons.keys() == expected.keys()
    for id, reason in expected.items():
        assert reason in reasons[id] and "\n" not in reasons[id], (id, reasons[id])
    assert list(bags(tmp_path / "out")) == list("abcd") and list(findings(tmp_path / "out")) == []
    kept = {path.stem for path in (tmp_path / "out/slides").iterdir()}
    assert kept == set("abcd")


def test_the_resolution_given_is_used(save, command, tmp_path):
    save("slides/a.tif", stained(), mpp=None)
    (tmp_path / "labels.csv").write_text("id,label\na,1\n")
    assert main(command()) == 1
    assert main(command("--mpp", 0.25, "--force")) == 0
    bag = bags(tmp_path / "out")["a"]
    assert (bag.mpp[0], bag.meta["factor"]) == (0.5, 2.0)


def test_truth_goes_into_cells_and_bags(cohort, command, tmp_path):
    (tmp_path / "masks").mkdir()
    drawn = np.zeros((25, 38), np.uint8)
    drawn[10:, 10:20] = 255
    Image.fromarray(drawn).save(tmp_path / "masks/a.png")
    assert main(command("--masks", tmp_path / "masks")) == 0
    found = bags(tmp_path / "out")
    known = {id: cells.load(tmp_path / "out/slides" / f"{id}.npz").positive for id in found}
    assert known["a"].sum() == 8 * 8 * 15 * 10 and known["c"] is None
    assert not known["b"].any() and not known["d"].any()
    assert 1 in found["a"].instance_label and found["c"].instance_label is None and (found["b"].instance_label == 0).all()


def test_labels_of_tcga_are_in_the_names(save, command, tmp_path):
    for name in ("TCGA-AA-0001-01A-01-TS1.x", "TCGA-AA-0001-11A-01-TS1.y", "TCGA-AA-0002-20A-01-TS1.z", "other"):
        save(f"slides/{name}.tif", stained())
    assert main(command(labels="tcga")) == 0
    found = bags(tmp_path / "out")
    assert {id: (bag.patient, int(bag.label[0])) for id, bag in found.items()} == {
        "TCGA-AA-0001-01A-01-TS1.x": ("TCGA-AA-0001", 1), "TCGA-AA-0001-11A-01-TS1.y": ("TCGA-AA-0001", 0),
    }
    reasons = rejected(tmp_path / "out")
    assert set(reasons) == {"TCGA-AA-0002-20A-01-TS1.z", "other"} and "code 20" in reasons["TCGA-AA-0002-20A-01-TS1.z"]


def test_pictures_are_beside_the_bags_unless_not_wanted(cohort, command, tmp_path):
    arguments = [part for part in command() if part != "--no-qc"]
    assert main(arguments) == 0
    made = sorted((tmp_path / "out/qc").iterdir())
    assert [path.name for path in made] == [f"{id}.png" for id in "abcd"]
    with Image.open(made[0]) as image:
        assert min(image.size) > 300
    assert main(command("--force")) == 0
    assert not list((tmp_path / "out/qc").glob("*.png"))


def test_the_same_bytes_whatever_the_number_of_jobs(cohort, command, tmp_path):
    assert main(command(out="one")) == main(command(out="two", jobs=2)) == 0
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_a_killed_job_resumes_to_the_same_bytes(cohort, save, command, tmp_path, monkeypatch):
    (tmp_path / "slides/b.tif").write_bytes(b"broken")
    save("slides/e.tif", stained(seed=9))
    with open(tmp_path / "labels.csv", "a") as table:
        table.write("e,1,,\n")
    monkeypatch.setattr("preprocessing.slides.job.SHARD_SLIDES", 2)
    assert main(command(out="whole")) == 0
    killed = subprocess.run([sys.executable, "-c", script(command(), "job.SHARD_SLIDES = 2")], capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    out = tmp_path / "out"
    first = out / "bags-00000-of-00003.tfrecord"
    kept = first.stat().st_mtime_ns
    assert not (out / "dataset.json").exists()
    assert main(command()) == 0
    assert first.stat().st_mtime_ns == kept and contents(out) == contents(tmp_path / "whole") and list(rejected(out)) == ["b"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_job_says_how_to_resume(cohort, command, tmp_path, monkeypatch, capsys, number):
    with monkeypatch.context() as patch:
        patch.setattr(writer._Shard, "write", lambda *args, **given: os.kill(os.getpid(), number))
        assert main(command()) == 130
    assert f"Whole shards in {tmp_path / 'out'} are kept; the same command resumes." in capsys.readouterr().err
    assert main(command()) == 0


def test_a_finished_folder_is_left_alone(cohort, command, tmp_path, capsys):
    assert main(command()) == 0
    before = contents(tmp_path / "out")
    assert main(command()) == 0
    assert "is already finished with these slides and settings; nothing to do" in capsys.readouterr().out
    assert main(command("--cell", 8)) == 2
    assert "is a finished data set; give another folder, or --force" in capsys.readouterr().err
    assert contents(tmp_path / "out") == before
    assert main(command("--cell", 8, "--force")) == 0
    assert cells.load(tmp_path / "out/slides/a.npz").cell == 8


@pytest.mark.parametrize("change, message", [
    (lambda path: (path / "labels.csv").write_text("name,label\na,1\n"), "Expected columns id,label"),
    (lambda path: (path / "labels.csv").write_text("id,label\nz,1\n"), "Expected ids of the scans in"),
    (lambda path: (path / "labels.csv").write_text("id,label\na,x\n"), "no slide has one; the first: 'a': label must be 0 or 1"),
    (lambda path: (path / "slides").rename(path / "moved"), "Expected a folder of slides"),
])
def test_what_cannot_start_says_so_in_one_line_and_writes_nothing(cohort, command, tmp_path, capsys, change, message):
    change(tmp_path)
    assert main(command()) == 2
    told = capsys.readouterr().err
    assert message in told and told.count("\n") == 1 and not (tmp_path / "out").exists()


@pytest.mark.parametrize("option, value", [("--tile", 0), ("--cell", 5), ("--jobs", 0), ("--mpp", -1), ("--target-mpp", 0)])
def test_a_wrong_option_is_one_line(cohort, command, tmp_path, capsys, option, value):
    assert main(command(option, value)) == 2
    told = capsys.readouterr().err
    assert option in told and told.count("\n") == 1 and not (tmp_path / "out").exists()


def test_shards_hold_about_as_many_bytes_as_is_wanted(cohort, command, tmp_path, monkeypatch):
    monkeypatch.setattr(inputs, "SHARD_BYTES", 200 * 300 * 3 * 2)
    assert main(command("--materialise")) == 0
    assert [shard["records"] for shard in Dataset(tmp_path / "out").info["shards"]] == [2, 2]


def test_the_split_that_the_job_names_is_the_papers_by_case(save, command, tmp_path, capsys):
    rows = ["id,label,patient"]
    for number in range(40):
        save(f"slides/s{number:02d}.tif", stained(64, 64, number, (0, 1, 0, 1)), tile=(32, 32))
        rows.append(f"s{number:02d},{number // 2 % 2},p{number // 2:02d}")
    (tmp_path / "labels.csv").write_text("\n".join(rows) + "\n")
    assert main(command()) == 0
    named = capsys.readouterr().out.splitlines()[-1].split()
    assert named[:5] == ["python", "-m", "preprocessing", "split", "--data"] and "--whole" in named
    assert main(named[3:]) == 0
    parts = Dataset(tmp_path / "out").splits(0)
    assert {name: len(parts[name]) for name in ("train", "validation", "test")} == {"train": 24, "validation": 8, "test": 8}
    patients = [{row.patient for row in part} for part in parts.values()]
    assert sum(map(len, patients)) == len(set.union(*patients)) == 20
    table = (tmp_path / "out/splits.csv").read_bytes()
    for seed in ("1", "2"):  # of Python's hashes
        code = "import sys; from preprocessing.__main__ import main; sys.exit(main(sys.argv[1:]))"
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-c", code, *named[3:], "--force"], check=True, env=environment, capture_output=True)
        assert (tmp_path / "out/splits.csv").read_bytes() == table


def test_a_worker_imports_no_tensorflow(save, tmp_path):
    save("slides/a.tif", stained(400, 600))
    code = (
        "import sys\nfrom preprocessing.inputs import Scan\nfrom preprocessing.slides.product import Outputs, make\n"
        "from preprocessing.slides.settings import SlideSettings\n"
        f"slide = Scan('a', {str(tmp_path / 'slides/a.tif')!r}, 1, 'a', {{}}, None, None, False)\n"
        "made = make(slide, SlideSettings(tile=32, cell=16), Outputs())\n"
        "print(sorted(made.files), 'tensorflow' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert told.stdout == "['qc/a.png', 'slides/a.npz'] False\n", told.stderr


def test_settings_in_the_folder_make_the_same_bag_again(cohort, command, tmp_path):
    from preprocessing.slides.bag import prepare
    from preprocessing.slides.settings import SlideSettings

    assert main(command("--materialise")) == 0
    info = json.loads((tmp_path / "out/dataset.json").read_text())
    settings = SlideSettings.from_dict(info["preprocessing"]["settings"])
    assert settings.hash() == info["preprocessing"]["hash"]
    again = prepare(tmp_path / "slides/b.tif", settings, id="b", pixels=True).bag
    np.testing.assert_array_equal(again.instances, bags(tmp_path / "out")["b"].instances)
