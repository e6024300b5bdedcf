"""A page in headless Chromium, driven over its DevTools protocol: what it logs, what it asks for, what it shows."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import websocket

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OPTIONS = (
    "--headless=new",
    "--no-sandbox",  # the tests may run as root
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
    "--remote-debugging-port=0",
    "--remote-allow-origins=*",
)
PATIENCE = 60  # seconds; a busy machine takes its time to start a browser
FAULTS = ("error", "warning")


def find() -> str | None:
    """The browser's path; None where there is none."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


class Page:
    """One page, opened.

    Attributes
    ----------
    faults : what the page logged as error or warning, threw, or was refused, in words
    requests : every address it asked for
    """

    def __init__(self, socket: websocket.WebSocket) -> None:
        self.faults: list[str] = []
        self.requests: list[str] = []
        self._socket = socket
        self._last = 0
        self._events: list[str] = []
        for domain in ("Runtime", "Log", "Network", "Page"):
            self.call(f"{domain}.enable")

    def open(self, address: str) -> None:
        """Load an address and wait until it is loaded."""
        self.call("Page.navigate", url=address)
        self._until("Page.loadEventFired")

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression, promises awaited; what it throws is an AssertionError."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command, and its answer."""
        self._last += 1
        self._socket.send(json.dumps({"id": self._last, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv())
            if message.get("id") == self._last:
                assert "error" not in message, message["error"]
                return message["result"]
            self._note(message)

    def _until(self, event: str) -> None:
        while event not in self._events:
            self._note(json.loads(self._socket.recv()))
        self._events.clear()

    def _note(self, message: dict[str, Any]) -> None:
        method, parameters = message["method"], message["params"]
        self._events.append(method)
        if method == "Runtime.exceptionThrown":
            self.faults.append(str(parameters["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and parameters["type"] in FAULTS:
            self.faults.append(str(parameters["args"]))
        elif method == "Log.entryAdded" and parameters["entry"]["level"] in FAULTS:
            self.faults.append(parameters["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])


@contextlib.contextmanager
def opened(browser: str, folder: Path) -> Iterator[Page]:
    """A blank page of a browser of its own, whose profile is that folder."""
    command = [browser, *OPTIONS, f"--user-data-dir={folder}", "about:blank"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        address = _address(process, folder / "DevToolsActivePort")
        with contextlib.closing(websocket.create_connection(address, timeout=PATIENCE)) as socket:
            page = Page(socket)
            yield page
            page.call("Browser.close")
        process.wait(PATIENCE)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _address(process: subprocess.Popen, active: Path) -> str:
    """Where the page listens; the browser writes its port to a file of its profile."""
    deadline = time.monotonic() + PATIENCE
    while not (active.exists() and active.read_text().count("\n")):
        assert process.poll() is None, f"the browser ended with {process.returncode} before it listened"
        assert time.monotonic() < deadline, "the browser does not listen"
        time.sleep(0.05)
    port = active.read_text().splitlines()[0]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list") as answer:
        pages = [target for target in json.load(answer) if target["type"] == "page"]
    return pages[0]["webSocketDebuggerUrl"]
