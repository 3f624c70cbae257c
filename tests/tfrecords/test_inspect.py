import numpy as np
import pytest

from tfrecords import inspect
from tfrecords.__main__ import main


@pytest.fixture
def folder(make_bag, write_dataset, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where a sheet goes that no --out sends elsewhere
    mask = np.zeros((5, 8, 8), np.uint8)
    mask[2, 2:5, 2:5] = 3
    truth = mask.any((1, 2)).astype(int)[:, None]
    return write_dataset(
        [
            make_bag("a", 3, label=0),
            make_bag("b", 5, label=1, mask=mask, instance_label=truth),
            make_bag("c", 4, label=-1),
        ]
    )


def test_numbers_are_printed(folder, tmp_path, capsys):
    assert main(["inspect", str(folder)]) == 0
    out = capsys.readouterr().out
    assert "3 of 3 patients; 0 inputs rejected" in out
    assert "12, each 8 x 8 x 1 float16" in out
    assert "3 / 3.5 / 4 / 4.5 / 5 instances" in out
    assert "hemorrhage  1 positive, 1 negative, 1 unknown (33.3 % positive)" in out
    assert "splits.csv is not written yet" in out
    assert "bag b drawn in inspect-b.png" in out and (tmp_path / "inspect-b.png").stat().st_size > 1000


def test_splits_are_counted(folder, capsys):
    rows = ["id,patient,split,fold", "a,patient-a,test,0", "b,patient-b,train,0", "c,patient-c,train,0"]
    (folder / "splits.csv").write_text("\n".join(rows))
    main(["inspect", str(folder)])
    assert "fold 0      train 1 + 1, test 0 + 1" in capsys.readouterr().out


def test_bags_in_no_split_are_counted(folder, capsys):
    (folder / "splits.csv").write_text("id,patient,split,fold\na,patient-a,test,0\nb,patient-b,train,0\n")
    main(["inspect", str(folder)])
    assert "1 bags are in no split" in capsys.readouterr().out


def test_a_sheet_is_drawn_and_not_written_over(folder, tmp_path, capsys):
    from matplotlib.image import imread

    out = tmp_path / "sheet.png"
    assert main(["inspect", str(folder), "--out", str(out)]) == 0
    assert "bag b drawn in" in capsys.readouterr().out  # the first positive one
    picture = imread(out)
    assert picture.shape[1] == 1200 and picture[..., :3].std() > 0.1
    out.write_bytes(b"mine")
    assert main(["inspect", str(folder), "--bag", "a", "--out", str(out)]) == 2
    assert "is there already; give another --out, or --force" in capsys.readouterr().err
    assert out.read_bytes() == b"mine"
    assert main(["inspect", str(folder), "--bag", "a", "--out", str(out), "--force"]) == 0
    assert out.stat().st_size > 1000


def test_an_unknown_bag_is_refused(folder, capsys):
    assert main(["inspect", str(folder), "--bag", "z"]) == 2
    assert "Expected a bag such as 'a'. Received: 'z'" in capsys.readouterr().err


def test_hu_are_shown_at_level_40_width_80():
    image = np.float16([[0, 40, 80], [-1000, 20, 3000]])[..., None]
    np.testing.assert_allclose(inspect.windowed(image), [[0, 0.5, 1], [0, 0.25, 1]])


def test_colour_and_long_bags_are_drawn(make_bag, write_dataset, tmp_path):
    from tfrecords import Dataset

    patches = np.random.default_rng(0).integers(0, 256, (70, 8, 8, 3)).astype(np.uint8)
    folder = write_dataset([make_bag("rgb", 70, instances=patches)])
    inspect.montage(folder, Dataset(folder).rows[0], tmp_path / "rgb.png")
    assert (tmp_path / "rgb.png").stat().st_size > 1000
    assert inspect._title(Dataset(folder).rows[0], 64).endswith("70 instances, 64 shown")


def test_help_imports_nothing_heavy():
    import subprocess
    import sys

    code = (
        "import sys\nfrom tfrecords.__main__ import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
        "print([name for name in ('tensorflow', 'matplotlib', 'scipy', 'skimage') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.endswith(
        "[]\n"
    )
