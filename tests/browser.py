"""A real browser for tests: Chromium without a window, spoken to over two pipes by its DevTools protocol."""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import time

NAMES = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 60  # seconds for one answer; a busy machine starts a browser slowly


def find():
    """The path of a browser, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """One page at a time. Everything that it asks of a network, and every error in its console, is noted.

    Args:
        program: path of the browser.
        folder: for its profile.
    """

    def __init__(self, program, folder):
        (child_in, self._out), (self._in, child_out) = _pipe(), _pipe()

        def over_3_and_4():  # where --remote-debugging-pipe looks for them
            os.dup2(child_in, 3)
            os.dup2(child_out, 4)

        self._process = subprocess.Popen(
            [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--disable-background-networking", "--hide-scrollbars", "--remote-debugging-pipe",
             f"--user-data-dir={folder}"],
            preexec_fn=over_3_and_4, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        os.close(child_in)
        os.close(child_out)
        self._buffer, self._number, self._session, self.events = b"", 0, None, []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def close(self):
        """Ends the browser."""
        self._session = None
        try:
            self.call("Browser.close")
            self._process.wait(PATIENCE)
        except (OSError, TimeoutError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        os.close(self._in)
        os.close(self._out)

    def call(self, method, **params):
        """The result of a method of the protocol."""
        self._number += 1
        self._send({"id": self._number, "method": method, "params": params})
        answer = self._until(lambda found: found.get("id") == self._number)
        assert "error" not in answer, (method, answer["error"])
        return answer["result"]

    def open(self, page, width=1400, scheme="light", height=900):
        """Loads a file, or an address, in a window of a size, light or dark."""
        self.events.clear()
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.call("Page.navigate", url=page if isinstance(page, str) else page.resolve().as_uri())
        if not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self._until(lambda found: found.get("method") == "Page.loadEventFired")

    def run(self, script):
        """The value of a JavaScript expression."""
        return self.call("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def press(self, key):
        """Presses and releases a key, named as JavaScript names it: "a", "ArrowLeft"."""
        text = {"text": key} if len(key) == 1 else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key)

    def until(self, script):
        """Waits until a JavaScript expression is true, and returns its value."""
        end = time.monotonic() + PATIENCE
        while not (value := self.run(script)):
            assert time.monotonic() < end, f"{script} is still not true; errors: {self.errors()}"
            time.sleep(0.02)
        return value

    def screenshot(self, whole=False):
        """PNG of the window, or of the whole page."""
        return base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=whole)["data"])

    def pdf(self):
        """The page as it prints."""
        return base64.b64decode(self.call("Page.printToPDF", printBackground=True)["data"])

    def requests(self):
        """Addresses that the page asked for, itself and what it holds left out."""
        asked = [event["params"]["request"]["url"] for event in self.events
                 if event["method"] == "Network.requestWillBeSent"]
        return [address for address in asked[1:] if not address.startswith("data:")]

    def errors(self):
        """What the console says of errors."""
        logged = [event["params"]["entry"]["text"] for event in self.events
                  if event["method"] == "Log.entryAdded" and event["params"]["entry"]["level"] == "error"]
        return logged + [str(event["params"]) for event in self.events if event["method"] == "Runtime.exceptionThrown"]

    def _send(self, message):
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")

    def _until(self, wanted):
        end = time.monotonic() + PATIENCE
        while True:
            while b"\0" in self._buffer:
                text, self._buffer = self._buffer.split(b"\0", 1)
                found = json.loads(text)
                if "method" in found:
                    self.events.append(found)
                if found.get("method") == "Page.javascriptDialogOpening":  # such as: leave a page with unsaved things?
                    self._send({"id": 0, "method": "Page.handleJavaScriptDialog", "params": {"accept": True}})
                if wanted(found):
                    return found
            if not select.select([self._in], [], [], max(0, end - time.monotonic()))[0]:
                raise TimeoutError("the browser does not answer")
            data = os.read(self._in, 1 << 20)
            if not data:
                raise TimeoutError("the browser has ended")
            self._buffer += data


def _pipe():
    """(reading end, writing end), both above the numbers that the child's ends get."""
    ends = os.pipe()
    moved = tuple(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends)
    for end in ends:
        os.close(end)
    return moved
