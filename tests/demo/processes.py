"""The demo in processes of its own, and clients that remember what they were promised."""

import contextlib
import http.client
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
from pathlib import Path

from tests.ports import free_port

ROOT = Path(__file__).parents[2]


@contextlib.contextmanager
def interruptible():
    """Let a child be interrupted, though this process ignores SIGINT as one behind ``&`` does."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class Process:
    """A server of the demo; ``with`` ends it."""

    def __init__(self, command, port, folder, **environment):
        self.port, self.log = port, folder / f"{port}.log"
        with self.log.open("w") as log, interruptible():
            self.process = subprocess.Popen(
                command,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env={**os.environ, **environment},
            )

    @classmethod
    def demo(cls, url, folder):
        """Run ``python -m demo``."""
        port = free_port()
        command = [sys.executable, "-m", "demo", "--port", str(port), "--database", url]
        return cls(command, port, folder)

    @classmethod
    def gunicorn(cls, url, folder, *options):
        """Run the demo under gunicorn, two processes of four threads."""
        port = free_port()
        command = [sys.executable, "-m", "gunicorn", "demo.wsgi:application", "--workers", "2"]
        command += ["--threads", "4", "--bind", f"127.0.0.1:{port}", *options]
        return cls(command, port, folder, DEMO_DATABASE=url)

    def __enter__(self):
        self.wait()
        return self

    def wait(self):
        """Wait until the server is healthy."""
        until = time.monotonic() + 300
        while time.monotonic() < until and self.process.poll() is None:
            with contextlib.suppress(OSError), Client(self.port) as client:
                if client.send("GET", "/healthz")[0] == 200:
                    return
            time.sleep(0.05)
        self.end(signal.SIGKILL)
        raise AssertionError(f"the server did not start:\n{self.log.read_text()}")

    def __exit__(self, *error):
        if self.process.poll() is None:
            self.end(signal.SIGKILL)

    def end(self, number):
        """Send a signal, wait for the end, and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(300)


class Client:
    """A visitor: one connection at a time, one session on whichever port."""

    def __init__(self, port, cookie=None):
        self.port, self.cookie = port, cookie
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def send(self, method, path, **fields):
        """Return status and text; raise OSError or HTTPException where there is no answer."""
        headers = {"Accept": "text/plain", "Content-Type": "application/x-www-form-urlencoded"}
        if self.cookie:
            headers["Cookie"] = self.cookie
        body = urllib.parse.urlencode(fields) if method != "GET" else None
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        text = answer.read().decode()
        if set_cookie := answer.headers["Set-Cookie"]:
            self.cookie = set_cookie.partition(";")[0]
        return answer.status, text

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.connection.close()

    def move(self, port):
        """Go on with the same session at another process."""
        self.connection.close()
        self.port = port
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)


class Load:
    """Visitors that replace their string again and again, each remembering the last promise."""

    def __init__(self, ports, visitors=6):
        self.promises = [{} for _ in range(visitors)]
        self.statuses = set()
        self.answered = threading.Semaphore(0)
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._visit, args=(list(ports), promise, number))
            for number, promise in enumerate(self.promises)
        ]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error):
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def wait_for(self, answers):
        """Wait until so many more requests were answered."""
        for _ in range(answers):
            assert self.answered.acquire(timeout=300)

    def _visit(self, ports, promise, number):
        with Client(ports[number % len(ports)]) as client:
            turns = itertools.takewhile(
                lambda _: ports and not self._stop.is_set(), itertools.count()
            )
            for turn in turns:
                self._take_turn(client, ports, promise, f"visitor {number}, turn {turn}")

    def _take_turn(self, client, ports, promise, value):
        promise["tried"] = value
        try:
            status, _ = client.send("PUT", "/generator", another_string=value)
        except (OSError, http.client.HTTPException):
            ports.remove(client.port)  # this process is gone; go on at another
            if ports:
                client.move(ports[0])
            return
        self.statuses.add(status)
        if status == 200:
            promise.update(kept=value, cookie=client.cookie)
        self.answered.release()

    def lost(self, port):
        """Return the promises that the server on *port* does not keep.

        A write whose answer never came may be stored or not: nothing was promised.
        """
        found = []
        for promise in self.promises:
            if "kept" in promise:
                with Client(port, promise["cookie"]) as client:
                    _, text = client.send("GET", "/generator")
                if text not in (promise["kept"], promise["tried"]):
                    found.append((promise, text))
        return found
