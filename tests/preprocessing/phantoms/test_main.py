"""The command line of the phantoms."""

import subprocess
import sys

import pytest

from preprocessing.phantoms.__main__ import main


def test_ct_writes_a_cohort_and_counts_on_stderr(tmp_path, capsys):
    assert main(["ct", "--n", "2", "--size", "32", "--out", str(tmp_path / "x"), "--jobs", "1"]) == 0
    assert (tmp_path / "x" / "labels.csv").exists()
    captured = capsys.readouterr()
    assert "2/2 phantoms" in captured.err and not captured.out


def test_existing_output_is_one_line_and_exit_code_1(tmp_path, capsys):
    (tmp_path / "file").write_text("mine")
    assert main(["ct", "--n", "2", "--size", "32", "--out", str(tmp_path)]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert (tmp_path / "file").read_text() == "mine"


def test_sheet_is_a_picture(tmp_path):
    image = pytest.importorskip("matplotlib.image")
    assert main(["sheet", "--out", str(tmp_path / "s.png"), "--size", "48", "--type", "3", "--outline"]) == 0
    picture = image.imread(tmp_path / "s.png")
    assert picture.shape[1] == 8 * 48
    assert (picture[..., 0] - picture[..., 1] > 0.5).any()  # the red outline


def test_slides_writes_a_cohort_of_the_locations_asked_for(tmp_path, capsys):
    out = tmp_path / "x"
    args = ["slides", "--n", "2", "--size", "64", "--mpp", "4", "--locations", "crypts,bundles", "--jobs", "1"]
    assert main([*args, "--out", str(out)]) == 0
    assert "2/2 slides" in capsys.readouterr().err
    assert {line.split(",")[3] for line in (out / "labels.csv").read_text().split()[1:]} == {"crypts", "bundles"}
    assert main([*args, "--out", str(out)]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_a_location_that_is_none_is_one_line(tmp_path, capsys):
    assert main(["slides", "--n", "2", "--locations", "liver", "--out", str(tmp_path / "x")]) == 1
    assert "Received: liver" in capsys.readouterr().err


def test_help_imports_nothing_heavy():
    code = (
        "import sys\nfrom preprocessing.phantoms.__main__ import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'numpy', 'scipy', 'nibabel', 'tensorflow', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "contact sheet" in done.stdout
