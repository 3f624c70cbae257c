import csv

import pytest

from benchmarks import memory


@pytest.mark.long
def test_one_row_a_size_and_the_growth_between_them(tiny, tmp_path):
    out = tmp_path / "out.csv"
    assert memory.main([*tiny, "--counts", "3", "11", "--repetitions", "1", "--out", str(out)]) == 0
    with open(out, newline="", encoding="utf-8") as file:
        small, large = csv.DictReader(file)
    assert (small["row"], large["row"], small["growth"]) == ("3", "11", "1.0")
    assert abs(float(large["growth"]) - float(large["peak_gib"]) / float(small["peak_gib"])) < 0.01


def test_no_two_slices_of_a_bag_are_identical(tmp_path, make_bag):
    from mil_tf.data import ShardSource, chunks
    from tfrecords import Dataset

    memory.write_bag(tmp_path / "bag", make_bag(n=3).instances[None], 8)
    dataset = Dataset(tmp_path / "bag")
    source = ShardSource(dataset, dataset.rows)
    assert sum(len(chunk.images) for chunk in chunks(source, [0], 4)) == source.counts[0] == 8


def test_rates_are_of_slices():
    table = [
        {"row": "2", "rate": 3.0, "rate_low": 1.0, "rate_high": 4.0, "peak_gib": 2.0},
        {"row": "8", "rate": 1.5, "rate_low": 1.0, "rate_high": 2.0, "peak_gib": 3.0},
        {"row": "9", "rate": "", "rate_low": "", "rate_high": "", "peak_gib": ""},
    ]
    memory.compare(table)
    assert [row["rate"] for row in table] == [6.0, 12.0, ""] and [row["growth"] for row in table] == [1.0, 1.5, ""]
