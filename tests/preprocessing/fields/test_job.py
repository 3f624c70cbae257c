"""python -m preprocessing fields: an image table becomes a folder of bags."""

import csv
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from preprocessing import inputs
from preprocessing.__main__ import main
from preprocessing.fields import pixels
from preprocessing.fields.settings import FieldSettings
from tests.preprocessing.fields.conftest import noise
from tests.preprocessing.fields.test_bbbc021 import GENUINE, needs
from tests.preprocessing.killed import script
from tfrecords import Dataset, reader, writer
from tfrecords.verify import findings

MOA = b"compound,concentration,moa\rtaxol,0.3,Stabilizers\rPP-2,3,Epithelial\rDMSO,0,DMSO\r"
SCREEN = [
    ("Week1_1", "B02", "1", "taxol", "0.300"), ("Week1_1", "B02", "1", "taxol", "0.300", "2"), ("Week1_2", "B02", "2", "taxol", "0.3"),
    ("Week2_3", "C03", "1", "PP-2", "3.0"), ("Week2_3", "C04", "1", "PP-2", "1"), ("Week2_3", "D02", "1", "DMSO", "0"),
]


@pytest.fixture
def command(tmp_path):
    """command(*more, out="out", jobs=1) -> the arguments of a job over tmp_path/images/table.csv, without pictures."""

    def arguments(*more, out="out", jobs=1, pictures=False):
        given = ["--images", tmp_path / "images/table.csv", "--out", tmp_path / out, "--jobs", jobs]
        return [str(part) for part in ("fields", *given, *([] if pictures else ["--no-qc"]), *more)]

    return arguments


@pytest.fixture
def moa(tmp_path):
    (tmp_path / "moa.csv").write_bytes(MOA)
    return tmp_path / "moa.csv"


@pytest.fixture
def plain(save, tmp_path):
    """Four good fields a to d, of several sizes and classes."""
    for seed, (id, shape) in enumerate(zip("abcd", ((12, 16), (20, 16), (12, 30), (12, 16)))):
        save(f"{id}.tif", noise(2, *shape, seed=seed))
    return table(tmp_path, "a,a.tif,Bud,P,B02\nb,b.tif,Bud;Nucleus,P,B03\nc,c.tif,Vacuole,Q,B02\nd,d.tif,Nucleus,Q,B02\n")


def table(folder, lines, head="id,path,label,plate,well\n"):
    path = folder / "images/table.csv"
    path.parent.mkdir(exist_ok=True)
    path.write_text(head + lines)
    return path


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def rejected(folder):
    with open(folder / "rejected.csv", newline="") as file:
        return {row["id"]: row["reason"] for row in csv.DictReader(file)}


def bags(folder):
    return {row.id: reader.read_bag(folder, row) for row in Dataset(folder).rows}


@pytest.mark.parametrize("ends", ["\n", "\r", "\r\n"])
def test_a_screen_becomes_bags_of_its_mechanisms(screen, moa, command, tmp_path, capsys, ends):
    screen(SCREEN, ends)
    assert main(command("--moa", moa)) == 0
    out, told = tmp_path / "out", capsys.readouterr()
    assert f"4 fields of 2 classes and 3 wells, 1 shards in {out}" in told.out and "3 of 2 wells: Stabilizers" in told.out
    assert "4/4 fields" in told.err and list(findings(out)) == []
    info = Dataset(out).info
    made = info["preprocessing"]
    assert info["classes"] == ["Epithelial", "Stabilizers"] and made["channels"] == ["DAPI", "Tubulin", "Actin"] and made["single_label"] is True
    assert (made["kind"], made["unit"], made["settings"]["crop"]) == ("fields", "field", None) and len(made["hash"]) == 16
    found = bags(out)
    assert {id: (bag.patient, bag.label.tolist(), bag.n, bag.instances.shape) for id, bag in found.items()} == {
        "Week1_1_B02_s1": ("Week1_1_B02", [0, 1], 1, (1, 12, 16, 3)), "Week1_1_B02_s2": ("Week1_1_B02", [0, 1], 1, (1, 12, 16, 3)),
        "Week1_2_B02_s1": ("Week1_2_B02", [0, 1], 1, (1, 12, 16, 3)), "Week2_3_C03_s1": ("Week2_3_C03", [1, 0], 1, (1, 12, 16, 3)),
    }
    bag = found["Week1_2_B02_s1"]
    assert bag.meta == {"plate": "Week1_2", "well": "B02", "site": "1", "replicate": "2", "batch": "Week1", "compound": "taxol",
                        "concentration": "0.3", "treatment": "taxol 0.3"}
    np.testing.assert_array_equal(bag.instances[0], pixels.fractions(np.stack([noise(12, 16, seed=20 + channel) for channel in range(3)], -1)))
    assert rejected(out) == {
        "Week2_3_C04_s1": "excluded: its treatment has no known mechanism of action", "Week2_3_D02_s1": "excluded: a control, and --controls is not given",
    }
    assert (out / "cohort.csv").read_text().startswith("id,patient,label,images,batch,compound,")


def test_controls_and_channels_as_they_are_wanted(screen, moa, command, tmp_path):
    screen(SCREEN)
    assert main(command("--moa", moa, "--controls", "--channels", "Actin,DAPI")) == 0
    info, found = Dataset(tmp_path / "out").info, bags(tmp_path / "out")
    assert info["classes"] == ["DMSO", "Epithelial", "Stabilizers"] and info["preprocessing"]["channels"] == ["Actin", "DAPI"]
    assert found["Week2_3_D02_s1"].label.tolist() == [1, 0, 0]
    np.testing.assert_array_equal(found["Week1_1_B02_s1"].instances[0, ..., 1], pixels.fractions(noise(12, 16, seed=0)))


@needs
def test_the_genuine_tables(save, command, tmp_path, capsys):
    """The genuine head has no treatment with a mechanism: one is added to the genuine mechanisms."""
    (tmp_path / "moa.csv").write_bytes((GENUINE / "BBBC021_v1_moa.CR_line_endings.csv").read_bytes().rstrip() + b"\r5-fluorouracil,10.00,DNA replication\r")
    with open(GENUINE / "BBBC021_v1_image.head.csv", newline="") as file:
        for number, row in enumerate(csv.DictReader(file)):
            wanted = row["Image_Metadata_Compound"] == "5-fluorouracil" and row["Image_Metadata_Concentration"] == "10"
            for channel in ("DAPI", "Tubulin", "Actin") if wanted and row["Replicate"] != "3" else ():
                save(f"{row['Image_Metadata_Plate_DAPI']}/{row[f'Image_FileName_{channel}']}", noise(8, 10, seed=number))
    (tmp_path / "images/table.csv").write_bytes((GENUINE / "BBBC021_v1_image.head.csv").read_bytes())
    assert main(command("--moa", tmp_path / "moa.csv")) == 0
    assert "8 fields of 1 classes and 2 wells" in capsys.readouterr().out
    reasons = rejected(tmp_path / "out")
    assert len(reasons) == 191 and sum("no such file below" in reason for reason in reasons.values()) == 4


def test_several_labels_and_several_sizes_in_one_set(plain, command, tmp_path, capsys):
    assert main(command()) == 0
    info, found = Dataset(tmp_path / "out").info, bags(tmp_path / "out")
    assert info["classes"] == ["Bud", "Nucleus", "Vacuole"] and info["preprocessing"]["single_label"] is False
    assert info["preprocessing"]["channels"] == ["channel-0", "channel-1"] and info["instances"]["shape"] is None
    assert {id: (bag.label.tolist(), bag.patient, bag.instances.shape[1:]) for id, bag in found.items()} == {
        "a": ([1, 0, 0], "P_B02", (12, 16, 2)), "b": ([1, 1, 0], "P_B03", (20, 16, 2)),
        "c": ([0, 0, 1], "Q_B02", (12, 30, 2)), "d": ([0, 1, 0], "Q_B02", (12, 16, 2)),
    }
    assert main(command("--channels", "GFP,RFP", "--crop", 10, 14, out="crop")) == 0
    assert Dataset(tmp_path / "crop").info["instances"] == {"dtype": "float16", "shape": [10, 14, 2]}
    assert Dataset(tmp_path / "crop").info["preprocessing"]["settings"] == {"channels": ["GFP", "RFP"], "crop": [10, 14]}


def test_a_column_a_class_and_a_file_a_channel(save, command, tmp_path):
    for seed, name in enumerate(("a_g", "a_r", "b_g", "b_r")):
        save(f"sub/{name}.png", noise(12, 16, seed=seed, dtype=np.uint8))
    table(tmp_path, "a,a_g.png,sub/a_r.png,1,0\nb,b_g.png,b_r.png,0,0\n", "id,path_GFP,path_RFP,label_Bud,label_Nucleus\n")
    assert main(command()) == 0
    found = bags(tmp_path / "out")
    assert [found[id].label.tolist() for id in "ab"] == [[1, 0], [0, 0]]
    assert Dataset(tmp_path / "out").info["preprocessing"]["channels"] == ["GFP", "RFP"]


def test_every_bad_file_is_listed_with_its_reason_and_the_job_goes_on(plain, save, command, tmp_path, capsys):
    images = tmp_path / "images"
    whole = (images / "a.tif").read_bytes()
    (images / "cut.tif").write_bytes(whole[: len(whole) // 2])
    (images / "empty.tif").write_bytes(b"")
    (images / "text.tif").write_text("not an image\n")
    save("one.tif", noise(12, 16))
    save("signed.tif", noise(2, 12, 16).astype(np.int32))
    save("beyond.tif", noise(2, 12, 16).astype(np.float32))
    zero = noise(2, 12, 16)
    zero[1] = 7
    save("dark.tif", zero)
    ids = ["cut", "empty", "text", "one", "signed", "beyond", "dark", "gone"]
    with open(plain, "a") as file:
        file.write("".join(f"{id},{id}.tif,Bud,P,B02\n" for id in ids) + "twice,a.tif,Bud,,\ntwice,b.tif,Bud,,\nunnamed,a.tif,,P,B02\n,a.tif,Bud,,\n")
    assert main(command()) == 0
    expected = {
        "cut": "truncated", "empty": "not an image: neither TIFF nor PNG", "text": "not an image", "one": "Expected 2 channels a file. Received: 1",
        "signed": "Expected uint8, uint16, or fractions from 0 to 1. Received: int32", "beyond": "Expected fractions from 0 to 1. Received: float32 from",
        "dark": "channel-1: all its pixels are 0.0001", "gone": "no such file below", "twice": "duplicate id: 2 rows in the image table",
        "unnamed": "the label is empty (line 16)", "": "the id is empty (line 17)",
    }
    reasons = rejected(tmp_path / "out")
    assert reasons.keys() == expected.keys()
    for id, reason in expected.items():
        assert reason in reasons[id] and "\n" not in reasons[id], (id, reasons[id])
    assert list(bags(tmp_path / "out")) == list("abcd") and list(findings(tmp_path / "out")) == []
    assert "11 rejected: see" in capsys.readouterr().out


def test_cells_and_masks_are_with_their_fields(plain, save, command, tmp_path, capsys):
    drawn = np.zeros((12, 16), np.uint8)
    drawn[4:6, 4:6] = 3
    (tmp_path / "masks").mkdir()
    save("a.png", drawn).rename(tmp_path / "masks/a.png")
    save("c.png", drawn).rename(tmp_path / "masks/c.png")
    (tmp_path / "cells.csv").write_text("id,y,x,label\na,4,5,Vacuole\na,11,15,Bud\na,50,5,Bud\nb,1,1,debris\nz,1,1,Bud\n")
    assert main(command("--cells", tmp_path / "cells.csv", "--masks", tmp_path / "masks", "--crop", 10, 14)) == 0
    found, told = bags(tmp_path / "out"), capsys.readouterr().out
    assert list(found) == ["a", "b", "d"] and "mask: Expected uint8 of the image's 12 x 30 pixels" in rejected(tmp_path / "out")["c"]
    assert found["a"].points.tolist() == [[0, 3, 4, 2]] and found["a"].meta["flags"] == "1 of 3 cells lie beyond the image"
    assert found["a"].mask[0, 3, 4] == 3 and found["a"].mask.shape == (1, 10, 14) and found["b"].mask is None and found["d"].points is None
    assert "1 ids in" in told and "1 cells have a label that is no class, such as 'debris'" in told


def test_pictures_are_beside_the_bags_unless_not_wanted(plain, command, tmp_path):
    from PIL import Image

    assert main(command(pictures=True)) == 0
    made = sorted((tmp_path / "out/qc").iterdir())
    assert [path.name for path in made] == [f"{id}.png" for id in "abcd"]
    with Image.open(made[0]) as image:
        assert min(image.size) > 300
    assert main(command("--force")) == 0
    assert not list((tmp_path / "out/qc").glob("*.png"))


def test_the_same_bytes_whatever_the_number_of_jobs(plain, command, tmp_path):
    assert main(command(out="one")) == main(command(out="two", jobs=2)) == 0
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


@pytest.mark.long
def test_a_killed_job_resumes_to_the_same_bytes(plain, command, tmp_path, monkeypatch):
    (tmp_path / "images/b.tif").write_bytes(b"broken")
    monkeypatch.setattr(inputs, "SHARD_BYTES", 2000)
    assert main(command(out="whole")) == 0
    killed = subprocess.run([sys.executable, "-c", script(command(), "inputs.SHARD_BYTES = 2000")], capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    out = tmp_path / "out"
    first = sorted(out.glob("bags-*.tfrecord"))[0]
    kept = first.stat().st_mtime_ns
    assert not (out / "dataset.json").exists()
    assert main(command()) == 0
    assert first.stat().st_mtime_ns == kept and contents(out) == contents(tmp_path / "whole") and list(rejected(out)) == ["b"]


def test_a_stopped_job_says_how_to_resume(plain, command, tmp_path, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        patch.setattr(writer._Shard, "write", lambda *args, **given: os.kill(os.getpid(), signal.SIGINT))
        assert main(command()) == 130
    assert f"Whole shards in {tmp_path / 'out'} are kept; the same command resumes." in capsys.readouterr().err
    assert main(command()) == 0


def test_a_finished_folder_is_left_alone(plain, command, tmp_path, capsys):
    assert main(command()) == 0
    before = contents(tmp_path / "out")
    assert main(command()) == 0
    assert "is already finished with these fields and settings; nothing to do" in capsys.readouterr().out
    assert main(command("--crop", 8, 8)) == 2
    assert "is a finished data set; give another folder, or --force" in capsys.readouterr().err and contents(tmp_path / "out") == before
    with open(plain, "a") as file:
        file.write("e,a.tif,Bud,P,B02\n")
    assert main(command()) == 2  # another label table is another job
    assert main(command("--force")) == 0 and len(bags(tmp_path / "out")) == 5


@pytest.mark.parametrize("text, more, message", [
    ("name,label\na,1\n", [], "Expected columns id, separated by commas, or those of another known form (bbbc021)"),
    ("id,label\na,1\n", [], "Expected a column path, or one path_... for each channel"), ("id,path\na,a.tif\n", [], "Expected a column label, or"),
    ("id,path,label\na,z.tif,x\n", [], "none that can be used; the first: 'a': no such file below"), ("id,path,label\n", [], "none that can be used."),
    ("id,path,label\n" + "".join(f"a{k},a.tif,c{k}\n" for k in range(255)), [], "Expected images of 1 to 254 classes. Received: 255"),
    ("id,path,label\na,a.tif,x\n", ["--moa", "m.csv"], "--moa, --controls: Expected for tables in BBBC021's form only"),
    ("id,path,label\na,a.tif,x\n", ["--channels", "a,a"], "--channels: Expected names, each once"),
    ("id,path_a,label\na,a.tif,x\n", ["--channels", "b"], "--channels: Expected some of a. Received: 'b'"),
    ("id,path,label\na,a.tif,x\n", ["--crop", "0", "5"], "--crop: Expected two whole numbers"), ("id,path,label\na,a.tif,x\n", ["--jobs", "0"], "--jobs: Expected"),
    ("id,path,label\na,a.tif,x\n", ["--root", "gone"], "--root: Expected a folder of images"), ("id,path,label\na,t.tif,x\n", [], "none that can be read"),
    ("id,path,label\na,a.tif,x\n", ["--masks", "masks"], "--masks: Expected files such as a.png"),
])
def test_what_cannot_start_says_so_in_one_line_and_writes_nothing(save, command, tmp_path, monkeypatch, capsys, text, more, message):
    monkeypatch.chdir(tmp_path)
    save("a.tif", noise(12, 16)).with_name("t.tif").write_text("text")
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks/other.png").write_bytes(b"")
    table(tmp_path, text, "")
    assert main(command(*more)) == 2
    told = capsys.readouterr().err
    assert message in told and told.count("\n") == 1 and not (tmp_path / "out").exists()


def test_a_screen_needs_its_mechanisms(screen, command, capsys):
    screen(SCREEN, files=False)
    assert main(command()) == 2
    assert "--moa: Expected mechanisms, as the image table has BBBC021's form" in capsys.readouterr().err


def test_nothing_usable_is_an_empty_set(save, command, tmp_path):
    zero = save("a.tif", np.zeros((12, 16), np.uint16))
    table(tmp_path, f"a,{zero},x\n", "id,path,label\n")
    assert main(command()) == 1 and rejected(tmp_path / "out") == {"a": "channel-0: all its pixels are 0"}


def test_the_split_that_the_job_names(screen, moa, command, tmp_path, capsys):
    screen([("Week1_1", f"{row}0{column}", "1", "taxol" if row < "D" else "PP-2", "0.3" if row < "D" else "3", str(site))
            for row in "BCDE" for column in range(2, 7) for site in (1, 2)])
    assert main(command("--moa", moa)) == 0
    named = capsys.readouterr().out.splitlines()[-1].split()
    assert named[:5] == ["python", "-m", "preprocessing", "split", "--data"] and main(named[3:]) == 0
    parts = Dataset(tmp_path / "out").splits(0)
    assert {name: len(parts[name]) for name in ("train", "validation", "test")} == {"train": 24, "validation": 8, "test": 8}


@pytest.mark.long
def test_a_worker_imports_no_tensorflow_and_the_help_nothing_heavy(save):
    path = str(save("a.tif", noise(40, 60)))
    code = (
        "import sys\nfrom preprocessing.fields.product import Field, Outputs, make\nfrom preprocessing.fields.settings import FieldSettings\n"
        f"made = make(Field('a', ({path!r},), (1,), 'a', {{}}), FieldSettings(('x',)), Outputs(True, ('c',)))\n"
        "print(sorted(made.files), 'tensorflow' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert told.stdout == "['qc/a.png'] False\n", told.stderr
    code = (
        "import sys\nfrom preprocessing.__main__ import main\n"
        "try:\n    main(['fields', '--help'])\nexcept SystemExit:\n    pass\n"
        "print([name for name in ('tensorflow', 'matplotlib', 'scipy', 'skimage', 'tifffile', 'imagecodecs') if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert told.stdout.splitlines()[-1] == "[]" and "--moa" in told.stdout, told.stderr


def test_settings_in_the_folder_make_the_same_bag_again(plain, command, tmp_path):
    from preprocessing.fields.bag import prepare

    assert main(command("--crop", 10, 12)) == 0
    made = Dataset(tmp_path / "out").info["preprocessing"]
    settings = FieldSettings.from_dict(made["settings"])
    assert settings.hash() == made["hash"]
    again = prepare([tmp_path / "images/b.tif"], settings, id="b")
    np.testing.assert_array_equal(again.instances, bags(tmp_path / "out")["b"].instances)
