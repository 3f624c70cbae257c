"""The page over HTTP, for this machine alone.

The server listens on 127.0.0.1 and nowhere else. Another web page that the reviewer's browser has open can neither
read from it (a Host header of another name is refused, which is how DNS rebinding would come) nor write to it (a
request that writes must be JSON and name this server as its Origin).
"""

import socket
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from mil_tf.review.candidates import CandidateError, plain_text

HOST = "127.0.0.1"
NAMES = {"127.0.0.1", "localhost"}
COOKIE = "mil-tf-reviewer"
LONGEST_NAME = 60  # characters of a reviewer's name; our decision
LARGEST = 1 << 20  # bytes of a request; our decision
PAGES = Path(__file__).parent / "pages"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self' data:; script-src 'self'; style-src 'self'; "
                               "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",  # scans of patients do not belong into a browser's cache on disk
}


class ServerError(ValueError):
    """The server cannot start; the message is one line."""


def reviewer_name(text):
    """A reviewer's name without spaces around it. Raises CandidateError."""
    name = plain_text(text, "a reviewer's name").strip()
    if len(name) > LONGEST_NAME:
        raise CandidateError(f"Expected a reviewer's name of at most {LONGEST_NAME} characters. Received: {len(name)}.")
    return name


def make_app(desk, reviewer=None):
    """The Flask application of a `desk.Desk`; `reviewer` is who judges where the page's address does not say.

    Raises:
        ServerError: Flask is not installed.
    """
    try:
        import flask
    except ImportError as error:
        raise ServerError("Expected Flask, which serves the page. Received: none installed; "
                          "pip install 'mil-tf[review]'.") from error
    app = flask.Flask(__name__, static_folder=str(PAGES), static_url_path="/pages")
    app.config["MAX_CONTENT_LENGTH"] = LARGEST
    _guard(app, flask)
    _serve_page(app, flask, desk, reviewer)
    _serve_slices(app, flask, desk)
    _serve_decisions(app, flask, desk)
    return app


def _guard(app, flask):
    @app.before_request
    def refuse_strangers():
        request = flask.request
        if urlsplit(f"//{request.host}").hostname not in NAMES:
            flask.abort(403, f"Expected the host {HOST} or localhost. Received: {request.host}.")
        if request.method not in ("GET", "HEAD"):
            origin = urlsplit(request.headers.get("Origin", ""))
            if origin.netloc != request.host or origin.scheme != "http" or not request.is_json:
                flask.abort(403, "Expected JSON from this server's own page.")

    @app.after_request
    def add_headers(response):
        response.headers.update(HEADERS)
        return response

    @app.errorhandler(CandidateError)
    def tell(error):
        return {"error": str(error)}, 400

    @app.errorhandler(OSError)
    def tell_disk(error):
        return {"error": f"The decision could not be saved: {error}."}, 500


def _serve_page(app, flask, desk, given):
    @app.get("/")
    def page():
        return (PAGES / "review.html").read_text(encoding="utf-8").replace("STORE", "live")

    @app.get("/api/start")
    def start():
        name = flask.request.args.get("reviewer") or given or unquote(flask.request.cookies.get(COOKIE, ""))
        if not name:
            return {**desk.setup(), "reviewer": None}
        name = reviewer_name(name)
        found = {**desk.setup(), "reviewer": name, "trail": desk.trail(name), "state": desk.state(name)}
        response = flask.make_response(found)
        response.set_cookie(COOKIE, quote(name, safe=""), samesite="Strict", httponly=True, max_age=30 * 24 * 3600)
        return response


def _serve_slices(app, flask, desk):
    @app.get("/api/slice")
    def record():
        return desk.record(flask.request.args.get("id", ""))

    @app.get("/api/picture")
    def picture():
        try:
            data = desk.png(flask.request.args.get("id", ""), flask.request.args.get("window", ""))
        except KeyError:
            flask.abort(404)
        return flask.Response(data, mimetype="image/png")


def _serve_decisions(app, flask, desk):
    @app.get("/api/state")
    def state():
        return desk.state(reviewer_name(flask.request.args.get("reviewer")), flask.request.args.get("mode", ""))

    @app.get("/api/agreement")
    def agreement():
        return desk.agreement()

    @app.post("/api/decide")
    def decide():
        given = flask.request.get_json()
        if not isinstance(given, dict) or not isinstance(given.get("rows"), list):
            raise CandidateError("Expected a reviewer and rows of decisions. Received: something else.")
        name = reviewer_name(given.get("reviewer"))
        refused = desk.decide(name, given["rows"])
        return {"refused": refused, "state": desk.state(name, given.get("mode", ""))}


def listen(port):
    """A socket that listens on 127.0.0.1, on the port or, with 0, on any that is free. Raises ServerError."""
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((HOST, port))
        found.listen(64)
    except (OSError, OverflowError) as error:
        found.close()
        raise ServerError(f"Expected a free port. Received: {port} ({error}); name another with --port, or 0 for any "
                          "that is free.") from error
    return found


def serve(app, connection, told):
    """Serves the app until Ctrl-C; `told(address)` is called once it does."""
    import logging

    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # not a line for each picture
    port = connection.getsockname()[1]
    server = make_server(HOST, port, app, threaded=True, fd=connection.fileno())
    told(f"http://{HOST}:{port}/")
    try:
        server.serve_forever()
    finally:
        server.server_close()
