import pytest

from mil_tf.review.progress import counts, moment, seconds_each


def test_the_time_is_the_median_and_breaks_do_not_count(row):
    seconds = [0, 4, 8, 12, 900, 904, 907, 917]
    rows = [row(str(at), "accept", second=second) for at, second in enumerate(seconds)]
    assert seconds_each(rows, "anna") == 4
    assert seconds_each(rows[:5], "anna") is None  # too few to tell
    assert seconds_each(rows, "ben") is None


def test_only_this_reviewers_recent_decisions_count(row):
    rows = [row("a", "accept", second=at * 10) for at in range(6)]
    rows += [row("b", "reject", "ben", second=at * 3) for at in range(6)]
    rows += [row("c", "skip", second=60 + at) for at in range(60)]
    assert seconds_each(rows, "anna") == 1 and seconds_each(rows, "ben") == 3


def test_an_undo_is_no_decision(row):
    rows = [row("a", "accept", second=at * 10) for at in range(6)]
    assert seconds_each([*rows, row("a", "undo", second=51), row("a", "accept", second=60)], "anna") == 10


def test_moment():
    assert moment("1970-01-01T00:01:00.250Z") == pytest.approx(60.25)
    assert moment("2021-99-99T00:00:00.000Z") == 0


def test_counts():
    assert counts(("a", "b", "c"), {"a": "accept", "c": "reject", "gone": "accept"}) == {
        "total": 3, "judged": 2, "accepted": 1, "rejected": 1}
