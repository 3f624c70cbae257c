import io
import json
import socket
import sys

import numpy as np
import pytest
from PIL import Image

from mil_tf.review.candidates import path_of, read_slice
from mil_tf.review.decisions import Ledger
from mil_tf.review.desk import Desk
from mil_tf.review.picture import WINDOWS, grey
from mil_tf.review.server import HEADERS, ServerError, listen, make_app

pytest.importorskip("flask")
ORIGIN = {"Origin": "http://localhost"}


@pytest.fixture
def desk(folder):
    return Desk(folder)


@pytest.fixture
def client(desk):
    return make_app(desk).test_client()


def decide(client, id, decision, reviewer="anna", second=0, **more):
    row = {"time": f"2021-06-01T12:00:{second:02d}.000Z", "id": id, "decision": decision}
    return client.post("/api/decide", json={"reviewer": reviewer, "rows": [row]}, headers={**ORIGIN, **more})


def test_the_page_and_its_parts_are_there_and_nothing_is_from_elsewhere(client):
    page = client.get("/").text
    parts = ["/pages/review.css", "/pages/view.js", "/pages/live.js", "/pages/review.js"]
    for part in parts:
        assert f'"{part}"' in page
        answer = client.get(part)
        assert answer.status_code == 200
        assert "http://" not in answer.text.replace("http://www.w3.org/2000/svg", "") and "https://" not in answer.text
    assert page.count("src=") + page.count("<link") == len(parts) + 1  # and an empty icon
    assert client.get("/pages/../server.py").status_code == 404


def test_every_answer_is_kept_from_caches_and_other_pages(client):
    for address in ("/", "/pages/view.js", "/api/start", "/no"):
        answer = client.get(address)
        for name, value in HEADERS.items():
            assert answer.headers[name] == value


def test_begin_decide_undo(client, desk):
    found = client.get("/api/start?reviewer=anna").get_json()
    assert found["reviewer"] == "anna" and found["state"]["total"] == 6 and found["trail"] == []
    id = found["state"]["queue"][0]
    told = decide(client, id, "accept").get_json()
    assert told["refused"] == [] and told["state"]["accepted"] == 1 and id not in told["state"]["queue"]
    assert Ledger(desk.table.folder).read()[0] == [("2021-06-01T12:00:00.000Z", "anna", id, "accept")]
    told = decide(client, id, "undo", second=1).get_json()
    assert told["state"]["judged"] == 0 and told["state"]["queue"][0] == id


def test_a_decision_that_is_sent_again_counts_once(client, desk):
    id = desk.ids()[0]
    decide(client, id, "accept")
    decide(client, id, "reject", second=1)
    for _ in range(3):
        decide(client, id, "undo", second=2)
    assert desk.trail("anna") == [[id, "accept"]]


def test_who_reviews_is_asked_remembered_or_given(desk):
    client = make_app(desk).test_client()
    assert client.get("/api/start").get_json()["reviewer"] is None
    assert client.get("/api/start?reviewer=%20J%C3%BCrgen,%20MD").get_json()["reviewer"] == "Jürgen, MD"
    assert client.get("/api/start").get_json()["reviewer"] == "Jürgen, MD"  # by the cookie
    assert "SameSite=Strict" in client.get("/api/start").headers["Set-Cookie"]
    client = make_app(desk, "anna").test_client()
    assert client.get("/api/start").get_json()["reviewer"] == "anna"
    assert client.get("/api/start?reviewer=ben").get_json()["reviewer"] == "ben"


@pytest.mark.parametrize("name", ["a" * 61, "a%0Ab", "%20"])
def test_a_name_that_cannot_be_is_told(client, name):
    answer = client.get(f"/api/start?reviewer={name}")
    assert answer.status_code == 400 and "a reviewer's name" in answer.get_json()["error"]


def test_pictures_are_the_slices_in_their_windows(client, desk):
    id = desk.ids()[0]
    for name, window in WINDOWS.items():
        answer = client.get("/api/picture", query_string={"id": id, "window": name})
        assert answer.mimetype == "image/png"
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(answer.data))), grey(read_slice(desk.table, id).hu, window))
    assert client.get("/api/picture", query_string={"id": id, "window": "lung"}).status_code == 404


def test_what_is_no_candidate_cannot_be_read(client):
    for address in ("/api/slice", "/api/picture"):
        answer = client.get(address, query_string={"id": "../../decisions", "window": "brain"})
        assert answer.status_code == 400 and "Expected the id of a candidate" in answer.get_json()["error"]


def test_a_damaged_slice_is_told(client, desk):
    id = desk.ids()[0]
    path_of(desk.table.folder, id).write_bytes(b"no")
    assert "Expected a whole" in client.get("/api/slice", query_string={"id": id}).get_json()["error"]
    assert id not in client.get("/api/state?reviewer=anna").get_json()["queue"]


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8765", "127.0.0.1.evil.example", "192.168.1.5", "[::1"])
def test_another_host_is_refused(client, host):
    assert client.get("/api/start?reviewer=anna", headers={"Host": host}).status_code in (400, 403)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8765", "localhost:9000"])
def test_this_machine_is_served(client, host):
    assert client.get("/api/start", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("headers", [
    {}, {"Origin": "null"}, {"Origin": "http://evil.example"}, {"Origin": "http://localhost:1"}, {"Origin": "https://localhost"},
])
def test_another_page_cannot_decide(client, desk, headers):
    row = {"time": "2021-06-01T12:00:00.000Z", "id": desk.ids()[0], "decision": "accept"}
    answer = client.post("/api/decide", json={"reviewer": "anna", "rows": [row]}, headers=headers)
    assert answer.status_code == 403
    assert not desk.ledger.path.exists()


def test_a_form_of_another_page_cannot_decide(client, desk):
    text = json.dumps({"reviewer": "anna", "rows": []})
    assert client.post("/api/decide", data=text, content_type="text/plain", headers=ORIGIN).status_code == 403


@pytest.mark.parametrize("body", [[], {"rows": 5}, {"reviewer": 5, "rows": []}, {"rows": []}])
def test_what_is_no_decision_is_told(client, body):
    answer = client.post("/api/decide", json=body, headers=ORIGIN)
    assert answer.status_code == 400 and "Expected" in answer.get_json()["error"]


def test_a_request_that_is_too_large_is_refused(client):
    assert client.post("/api/decide", json={"rows": ["x" * (1 << 20)]}, headers=ORIGIN).status_code == 413


def test_a_disk_that_is_full_is_told_and_the_page_keeps_the_decision(client, desk, monkeypatch):
    def full(rows):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(desk.ledger, "append", full)
    answer = decide(client, desk.ids()[0], "accept")
    assert answer.status_code == 500 and "could not be saved: [Errno 28]" in answer.get_json()["error"]


def test_a_port_in_use_is_told():
    with listen(0) as taken, pytest.raises(ServerError, match="Expected a free port. Received: .*--port"):
        listen(taken.getsockname()[1])
    with pytest.raises(ServerError, match="Received: 99999"):
        listen(99999)


def test_the_server_listens_on_this_machine_alone():
    with listen(0) as found:
        assert found.getsockname()[0] == "127.0.0.1" and found.family == socket.AF_INET


def test_without_flask_one_line_names_the_extra(desk, monkeypatch):
    monkeypatch.setitem(sys.modules, "flask", None)
    with pytest.raises(ServerError, match=r"Expected Flask.*pip install 'mil-tf\[review\]'"):
        make_app(desk)
