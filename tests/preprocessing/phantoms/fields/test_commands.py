"""The command line of the fields."""

from preprocessing.phantoms.__main__ import main

SMALL = ["--size", "48", "60", "--scale", "0.4"]


def test_fields_writes_a_cohort_and_counts_on_stderr(tmp_path, capsys):
    out = tmp_path / "x"
    args = ["fields", "--n", "2", *SMALL, "--jobs", "1", "--out", str(out)]
    assert main([*args, "--kind", "localisation"]) == 0
    captured = capsys.readouterr()
    assert "2/2 fields" in captured.err and not captured.out
    assert (out / "images.csv").read_text().startswith("id,label,path_cytoplasm,path_protein,")
    assert main(args) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert main([*args, "--force"]) == 0
    assert (out / "images.csv").read_text().startswith("TableNumber,ImageNumber,Image_FileName_DAPI,")


def test_a_size_that_is_too_small_is_one_line(tmp_path, capsys):
    assert main(["fields", "--size", "20", "20", "--out", str(tmp_path / "x")]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "Received: 20 x 20 pixels at scale 1" in error


def test_a_sheet_is_a_picture(tmp_path):
    assert main(["field-sheet", *SMALL, "--out", str(tmp_path / "x.png")]) == 0
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")
