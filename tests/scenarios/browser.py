"""A headless Chromium for tests: what a page shows and what it complains about.

Driven through the Chrome DevTools Protocol over two pipes, so that nothing listens and nothing is installed:
https://chromedevtools.github.io/devtools-protocol/. Messages are JSON, each ended by NUL.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from fcntl import F_DUPFD_CLOEXEC, fcntl
from pathlib import Path
from select import select
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-component-update",
    "--disable-background-networking", "--disable-sync", "--disable-dev-shm-usage", "--remote-debugging-pipe",
)  # fmt: skip
_DEADLINE_S = 60
_COMPLAINTS = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded", "Audits.issueAdded")
_DOMAINS = ("Page", "Runtime", "Log", "Network", "Audits")


def installed() -> str | None:
    """The program, if there is one."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@dataclass
class Browser:
    """One tab; `events` is everything that it reported since the page was opened."""

    to: int
    back: int
    session: str = ""
    last: int = 0
    rest: bytes = b""
    events: list[dict[str, Any]] = field(default_factory=list)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send one request and wait for its answer."""
        self.last += 1
        message = {"id": self.last, "method": method, "params": parameters}
        message |= {"sessionId": self.session} if self.session else {}
        os.write(self.to, json.dumps(message).encode() + b"\0")
        while (answer := self._read()).get("id") != self.last:
            self.events.append(answer)
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def _read(self) -> dict[str, Any]:
        end = monotonic() + _DEADLINE_S
        while b"\0" not in self.rest:
            ready, _, _ = select([self.back], [], [], max(0, end - monotonic()))
            assert ready, "the browser does not answer"
            part = os.read(self.back, 1 << 16)
            assert part, "the browser is gone"
            self.rest += part
        first, _, self.rest = self.rest.partition(b"\0")
        message: dict[str, Any] = json.loads(first)
        return message

    def attach(self) -> None:
        """Make the tab."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in _DOMAINS:
            self.call(f"{domain}.enable")

    def close(self) -> None:
        """End the browser."""
        self.session = ""
        self.call("Browser.close")

    def open(self, path: Path, *, width: int = 1280, scripts: bool = True, dark: bool = False) -> None:
        """Show a page of this machine, and wait until it is loaded."""
        self.call("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.resize(width)
        self.call("Emulation.setScrollbarsHidden", hidden=True)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.events.clear()
        self.call("Page.navigate", url=path.as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.events.append(self._read())
        if scripts:  # the first frame decides which rows are in sight
            self.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done())))")

    def resize(self, width: int) -> None:
        """Be as wide as that, and a telephone where that is little."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600
        )

    def run(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def press(self, key: str, code: int) -> None:
        """Press and release a key, as a keyboard does."""
        parameters = {"key": key, "code": key, "windowsVirtualKeyCode": code, "text": "\r" if key == "Enter" else ""}
        self.call("Input.dispatchKeyEvent", type="keyDown", **parameters)
        self.call("Input.dispatchKeyEvent", type="keyUp", **parameters)

    def click(self, selector: str) -> None:
        """Click into the middle of an element, as a mouse does."""
        self.run(f"document.querySelector({json.dumps(selector)}).scrollIntoView({{block: 'center'}})")
        x, y = self.run(
            f"(({{x, y, width, height}}) => [x + width / 2, y + height / 2])"
            f"(document.querySelector({json.dumps(selector)}).getBoundingClientRect())"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def complaints(self) -> list[dict[str, Any]]:
        """Exceptions, messages on the console, refusals of the Content-Security-Policy, and other issues."""
        return [event for event in self.events if event["method"] in _COMPLAINTS]

    def requested(self) -> list[str]:
        """The addresses of everything that the page asked for."""
        sent = (event for event in self.events if event["method"] == "Network.requestWillBeSent")
        return [event["params"]["request"]["url"] for event in sent]

    def picture(self, path: Path) -> None:
        """Save the whole page as PNG."""
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))


# Chromium reads from descriptor 3 and writes to 4; a shell can hand on only descriptors of one digit.
_LAUNCH = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.dup2(int(sys.argv[2]), 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


def _pipe() -> tuple[int, int]:
    """A pipe with descriptors that are neither 3 nor 4."""
    ends = os.pipe()
    high = [fcntl(end, F_DUPFD_CLOEXEC, 10) for end in ends]
    for end in ends:
        os.close(end)
    return high[0], high[1]


@contextmanager
def browser(program: str) -> Iterator[Browser]:
    """A browser with a profile of its own, which is gone in the end."""
    into, to = _pipe()
    back, out = _pipe()
    with TemporaryDirectory(prefix="tokenctl-chromium-", ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _LAUNCH, str(into), str(out), program, *FLAGS, f"--user-data-dir={profile}"],
            pass_fds=(into, out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(into)
        os.close(out)
        tab = Browser(to, back)
        try:
            tab.attach()
            yield tab
        finally:
            with suppress(AssertionError, OSError):
                tab.close()
            try:
                process.wait(_DEADLINE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            os.close(to)
            os.close(back)
