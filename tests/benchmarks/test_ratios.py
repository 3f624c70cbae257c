import csv

from benchmarks.ratios import spread, table, text, write


def replies(*seconds):
    return [{"seconds": 99.0}, *({"seconds": one, "peak_gib": one} for one in seconds)]


FOUND = {"a": replies(2.0, 1.0, 4.0), "b": replies(4.0, 4.0, 2.0)}
REFERENCES = {"to_b": "b", "to_c": "c"}


def test_a_ratio_is_taken_within_each_repetition():
    mine, theirs, missing = table(FOUND, {"c": "no such thing"}, 8, REFERENCES, ("peak_gib",))
    assert (mine["rate"], mine["rate_low"], mine["rate_high"], mine["repetitions"]) == (4.0, 2.0, 8.0, 3)
    assert (mine["to_b"], mine["to_b_low"], mine["to_b_high"]) == (2.0, 0.5, 4.0)  # 4/2, 4/1, 2/4: not of the medians
    assert (theirs["to_b"], theirs["to_b_low"], theirs["to_b_high"]) == (1.0, 1.0, 1.0)
    assert mine["to_c"] == theirs["to_c"] == "" and mine["peak_gib"] == 4.0 and mine["note"] == ""
    assert missing["row"] == "c" and missing["rate"] == "" and missing["note"] == "no such thing"
    assert missing.keys() == mine.keys()


def test_the_median_of_an_even_number_lies_between():
    assert spread([1.0, 2.0, 4.0, 8.0]) == (3.0, 1.0, 8.0)
    assert spread([]) == ("", "", "")


def test_text_and_csv_hold_the_same_rows(tmp_path):
    rows = table(FOUND, {"c": "no such thing"}, 8, REFERENCES)
    shown = text(rows, {"row": "row", "rate": "per s", "to_b": "x b", "note": ""}).splitlines()
    assert shown[0].split() == ["row", "per", "s", "x", "b"]
    assert shown[1].split() == ["a", "4", "[2,", "8]", "2", "[0.5,", "4]"]
    assert shown[3].split() == ["c", "no", "such", "thing"]
    write(tmp_path / "out.csv", rows, {"cores": 2})
    with open(tmp_path / "out.csv", newline="", encoding="utf-8") as file:
        read = list(csv.DictReader(file))
    assert [row["row"] for row in read] == ["a", "b", "c"] and {row["cores"] for row in read} == {"2"}
    assert read[0]["to_b_low"] == "0.5" and read[2]["rate"] == ""
