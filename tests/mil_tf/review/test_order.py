import pytest

from mil_tf.review.decisions import standing
from mil_tf.review.order import everyones, ordered, queue

IDS = tuple(f"slice {at}" for at in range(200))


def work(shared, names, limit=None, ids=IDS):
    """Reviewers in turn, each judging what is first; returns {name: [ids]}."""
    stands, done = {}, {name: [] for name in names}
    busy = True
    while busy and (limit is None or len(done[names[0]]) < limit):
        busy = False
        for name in names:
            found = queue(ids, shared, stands, name)
            if todo := found.own + found.left:
                stands.setdefault(todo[0], {})[name] = ["accept"]
                done[name].append(todo[0])
                busy = True
    return done


def test_the_order_is_the_seeds():
    assert ordered(IDS) == ordered(IDS[::-1]) != ordered(IDS, seed=1)
    assert sorted(ordered(IDS)) == sorted(IDS) and ordered(IDS) != IDS
    assert ordered(IDS, "table") == IDS


def test_slices_that_are_added_leave_the_order_as_it_was():
    kept = set(IDS[:150])
    assert tuple(id for id in ordered(IDS) if id in kept) == ordered(IDS[:150])


def test_a_share_is_everyones():
    assert everyones(IDS, 0) == set() and everyones(IDS, 1) == set(IDS)
    assert len(everyones(IDS, 0.1)) == 20
    assert everyones(IDS, 0.1) == everyones(IDS[::-1], 0.1) != everyones(IDS, 0.1, seed=1)


def test_one_reviewer_sees_all_in_order():
    assert work(everyones(IDS, 0.1), ["anna"])["anna"] == list(ordered(IDS, "table"))


@pytest.mark.parametrize("names", [["anna", "ben"], ["anna", "ben", "eve"]])
def test_several_share_the_work_but_for_what_is_everyones(names):
    shared = everyones(IDS, 0.1)
    done = work(shared, names)
    for name in names:
        assert shared <= set(done[name]) and len(done[name]) == len(set(done[name]))
        assert len(done[name]) > 0.7 * (20 + 180 / len(names))
    assert set().union(*done.values()) == set(IDS)
    assert sum(map(len, done.values())) == 180 + 20 * len(names)  # nobody judged what another had


def test_who_comes_first_leaves_work_to_who_joins():
    first = {id: {"anna": ["accept"]} for id in IDS[:50]}
    found = queue(IDS, frozenset(), first, "ben")
    assert not set(found.own + found.left) & set(IDS[:50]) and set(found.second) == set(IDS[:50])
    assert len(found.own) + len(found.left) == 150 and 50 < len(found.own) < 100


def test_what_everyone_judges_is_not_shown_as_a_second_opinion():
    found = queue(("a", "b"), frozenset("a"), {"a": {"anna": ["accept"]}, "b": {"anna": ["accept"]}}, "ben")
    assert found == (["a"], [], ["b"], [])


def test_skips_come_apart_and_leave_a_slice_to_the_others(row):
    stands = standing([row("a", "skip")])
    assert queue(("a",), frozenset(), stands, "anna") == ([], [], [], ["a"])
    found = queue(("a",), frozenset(), stands, "ben")
    assert found.own + found.left == ["a"]


def test_what_was_taken_back_comes_again_where_it_stood(row):
    stands = standing([row("b", "accept"), row("b", "undo")])
    assert queue(("a", "b", "c"), frozenset(), stands, "anna").own == ["a", "b", "c"]
