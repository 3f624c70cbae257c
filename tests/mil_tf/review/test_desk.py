import pytest

from mil_tf.review.candidates import CandidateError, path_of
from mil_tf.review.decisions import Ledger
from mil_tf.review.desk import AHEAD, Desk


def given(id, decision, second=0):
    return {"time": f"2021-06-01T12:00:{second:02d}.000Z", "id": id, "decision": decision}


def test_the_state_follows_the_decisions(folder):
    desk = Desk(folder)
    a, b, c, d, e, f = desk.state("anna")["queue"]
    assert desk.decide("anna", [given(a, "accept"), given(b, "reject", 1), given(c, "skip", 2)]) == []
    state = desk.state("anna")
    assert state["queue"] == [d, e, f]
    assert {name: state[name] for name in ("total", "judged", "accepted", "rejected", "mine", "skipped", "second", "left")} == {
        "total": 6, "judged": 2, "accepted": 1, "rejected": 1, "mine": 2, "skipped": 1, "second": 0, "left": 3}
    assert desk.trail("anna") == [[a, "accept"], [b, "reject"], [c, "skip"]]
    desk.decide("anna", [given(a, "undo", 3)])
    assert desk.trail("anna") == [[b, "reject"], [c, "skip"]]
    assert desk.state("anna")["queue"] == [a, d, e, f]
    assert desk.state("anna", "skipped")["queue"] == [c]


def test_all_that_were_skipped_come_again_and_a_few_of_the_rest_at_a_time(make_folder):
    desk = Desk(make_folder(60))
    assert len(desk.state("anna")["queue"]) == AHEAD < 30
    desk.decide("anna", [given(id, "skip", at) for at, id in enumerate(desk.ids()[:30])])
    assert desk.state("anna", "skipped")["queue"] == list(desk.ids()[:30])
    assert desk.state("anna")["queue"] == list(desk.ids()[30:30 + AHEAD])


def test_second_opinions_come_on_demand(folder):
    desk = Desk(folder, share=0)
    first = desk.state("anna")["queue"][0]
    desk.decide("anna", [given(first, "accept")])
    assert first not in desk.state("ben")["queue"]
    assert desk.state("ben", "second")["queue"] == [first]


def test_the_second_judges_what_everyone_judges_without_knowing_of_the_first(folder):
    desk = Desk(folder, share=1)
    queue = desk.state("anna")["queue"]
    desk.decide("anna", [given(id, "accept", at) for at, id in enumerate(queue)])
    assert desk.state("ben")["queue"] == queue and desk.trail("ben") == []


def test_other_servers_decisions_are_seen(folder):
    one, other = Desk(folder), Desk(folder)
    first = one.state("anna")["queue"][0]
    one.decide("anna", [given(first, "accept")])
    assert other.state("ben")["judged"] == 1


def test_what_is_no_candidate_is_refused_and_the_rest_written(folder):
    desk = Desk(folder)
    id = desk.ids()[0]
    refused = desk.decide("anna", [given("who", "accept"), given(id, "maybe"), None, given(id, "accept"), {"id": id}])
    assert len(refused) == 4 and all(text.startswith("Expected") for text in refused)
    assert desk.trail("anna") == [[id, "accept"]]


def test_missing_and_damaged_slices_are_told_and_left_out(folder):
    ids = Desk(folder).ids()
    path_of(folder, ids[0]).unlink()
    path_of(folder, ids[1]).write_bytes(b"PK")
    desk = Desk(folder)
    assert ids[0] not in desk.state("anna")["queue"]
    with pytest.raises(CandidateError, match="Expected a whole"):
        desk.record(ids[1])
    state = desk.state("anna")
    assert state["queue"] == list(ids[2:]) and state["total"] == 4
    assert [text.split(": ")[0] for text in state["problems"]] == list(ids[:2])
    for id in ids:
        path_of(folder, id).unlink(missing_ok=True)
    with pytest.raises(CandidateError, match="none that is there; 6 are in the table"):
        Desk(folder)


def test_decisions_on_other_slices_are_told(folder, row):
    Ledger(folder).append([row("gone", "accept")])
    assert Desk(folder).state("anna")["problems"] == ["1 ids in decisions.csv are not in the table and are left out"]


def test_a_record_is_what_is_drawn(folder):
    desk = Desk(folder, "table")
    record = desk.record("scan 0/slice,1")
    assert (record["height"], record["width"], record["spacing"], record["label"]) == (24, 24, (0.5, 0.5), ["intraparenchymal"])
    assert [(one["class"], one["pixels"]) for one in record["outlines"]] == [(2, 42)]
    assert desk.record("scan 2/slice,5")["label"] == []
    with pytest.raises(CandidateError, match="the id of a candidate"):
        desk.record("../../etc/passwd")
    assert "../../etc/passwd" not in desk.unreadable


def test_agreement_in_words(folder):
    desk = Desk(folder)
    ids = desk.ids()
    for name, words in (("anna", "aaarrr"), ("ben", "aaarra")):
        desk.decide(name, [given(id, {"a": "accept", "r": "reject"}[word]) for id, word in zip(ids, words)])
    told = desk.agreement()
    (pair,) = told["pairs"]
    assert told["differ"] == 1 and (pair["n"], pair["agree"]) == (6, 5)
    assert pair["kappa"].startswith("0.67 [")
