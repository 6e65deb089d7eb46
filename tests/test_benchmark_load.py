"""What the load driver sends, understands and counts."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from typing import ClassVar

import pytest

pytest.importorskip("geventhttpclient", reason="the dependency group bench is not installed")

from tests.benchmarks.load.__main__ import COMPARISONS, TOLD, load
from tests.benchmarks.load.driver import Client, Load, Request, drive, summary
from tests.benchmarks.load.servers import Server, condense

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain"


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (HEAD + b"\r\ncontent-length:2\r\n\r\nok", "200", b"ok"),
        (HEAD + b"\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "200", b"ok"),
        (HEAD + b"\r\n\r\nok", "200", b"ok"),
        (HEAD.replace(b"200", b"204") + b"\r\n\r\n", "204", b""),
        (HEAD + b"\r\nContent-Length: 3\r\n\r\nok", "broken", b""),
        (HEAD, "broken", b""),
        (b"", "broken", b""),
    ],
    ids=["length", "chunks", "until the end", "no content", "cut off", "head", "nothing"],
)
def test_an_answer_is_understood_or_broken(answer: bytes, status: str, body: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        client = Client(Load(listening.getsockname()[1], Request(), timeout=5), {})
        found = client.ask(Request(method="POST"))
        client.http.close()
        thread.join()
    assert (found, client.body) == (status, body)


def test_only_what_succeeded_counts_as_answered() -> None:
    found = summary(2.0, [0.001] * 99 + [0.5], {"200": 95, "201": 1, "500": 3, "timeout": 1})
    assert (found["answered"], found["errors"], found["rate"]) == (96, 4, 48.0)
    assert (found["p50"], found["p99"], found["max"]) == (1.0, 1.0, 500.0)


def test_no_answer_at_all_has_no_latency() -> None:
    assert summary(1.0, [], {})["p99"] is None


@pytest.mark.parametrize("bad", [{"clients": 0}, {"clients": 201}, {"seconds": 0}, {"seconds": 61}])
def test_a_load_is_bounded(bad: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="clients for at most"):
        Load(1, Request(), **bad)


@pytest.mark.parametrize(
    ("stored", "lost"), [(lambda: 3, 2), (None, 1)], ids=["rows", "read again"]
)
def test_what_was_answered_and_is_not_stored_is_lost(stored: object, lost: int) -> None:
    assert Server("one", [], 1, stored, answered=5, unread=1).lost() == lost


def test_ratios_are_taken_in_each_turn() -> None:
    def turn(rate: float) -> dict[str, float]:
        whole = dict.fromkeys(("beside", "p50", "p99", "max", "cpu", "memory", "errors"), 1)
        return {**whole, "rate": rate}

    found = condense([turn(200), turn(10), turn(90)], [turn(100), turn(10), turn(30)])
    assert (found["ratio"], found["rate"], found["errors"]) == (2, 90, 3)


class Shop(socketserver.ThreadingTCPServer):
    """Answer each request with the number of the last write, on a connection that stays."""

    allow_reuse_address = daemon_threads = True
    writes = 0
    told: ClassVar[set[bytes]] = set()


class Counter(socketserver.StreamRequestHandler):
    """Read requests, count the writes, set a cookie, forget every third write if asked to."""

    def handle(self) -> None:
        while (head := self._head()) is not None:
            if head.startswith(b"POST"):
                self.rfile.read(3)
                self.server.writes += 1
            body = b"%d" % self.server.writes
            if head.startswith(b"GET /lost"):
                body = b"something else"
            self.server.told.update(line for line in head.splitlines() if b"Cookie" in line)
            fields = b"\r\nSet-Cookie: s=1; Path=/\r\nContent-Length: %d" % len(body)
            self.wfile.write(HEAD + fields + b"\r\n\r\n" + body)

    def _head(self) -> bytes | None:
        lines = b""
        while not lines.endswith(b"\r\n\r\n"):
            line = self.rfile.readline()
            if not line:
                return None
            lines += line
        return lines


@pytest.fixture
def shop() -> Iterator[Shop]:
    with Shop(("127.0.0.1", 0), Counter) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


WRITE = Request("POST", body="a=1")


def _load(shop: Shop, **changed: object) -> Load:
    fields = {"send": WRITE, "clients": 3, "seconds": 0.05, **changed}
    return Load(shop.server_address[1], **fields)


def test_every_write_that_was_answered_is_counted_the_first_ones_too(shop: Shop) -> None:
    found = drive(_load(shop, first=WRITE))
    assert found["written"] == shop.writes == found["answered"] + 3
    assert found["errors"] == 0


def test_clients_send_their_cookies_back(shop: Shop) -> None:
    drive(_load(shop, first=Request()))
    assert shop.told == {b"Cookie: s=1"}


@pytest.mark.parametrize(("path", "lost"), [("/kept", 0), ("/lost", 1)])
def test_a_client_that_reads_other_than_it_was_told_has_lost_a_write(
    shop: Shop, path: str, lost: int
) -> None:
    found = drive(_load(shop, clients=1, check=Request(path=path)))
    assert found["lost"] == lost


def test_what_stands_beside_a_load_is_not_measured(shop: Shop) -> None:
    other = Load(0, WRITE, clients=2)
    found = drive(_load(shop, clients=1, settle=0.01, beside=[other]))
    assert 0 < found["written"] < shop.writes
    assert found["written"] + found["beside"][0]["answered"] == shop.writes


@pytest.mark.parametrize("asked", COMPARISONS.values(), ids=COMPARISONS)
def test_a_comparison_is_of_programs_and_loads_that_there_are(asked: dict[str, object]) -> None:
    assert asked["base"] in asked["programs"]
    named = TOLD["workloads"][asked["workloads"]].keys()
    assert {name for pair in asked.get("against", {}).items() for name in pair} <= named
    assert {program.split()[0] for program in asked["programs"].values()} <= TOLD["kind"].keys()
    for workload in TOLD["workloads"][asked["workloads"]].values():
        assert load(workload).send.path in {of["path"] for of in TOLD["request"].values()}


def test_where_nobody_listens_every_request_is_broken(shop: Shop) -> None:
    shop.server_close()
    found = drive(_load(shop, seconds=0.01))
    assert set(found["statuses"]) == {"broken"}


def test_a_server_that_does_not_answer_is_a_timeout() -> None:
    with socketserver.TCPServer(("127.0.0.1", 0), Counter) as silent:
        port = silent.server_address[1]
        found = drive(Load(port, Request(), clients=1, seconds=0.01, timeout=0.05))
    assert found["statuses"] == {"timeout": 1}


def test_one_visitor_has_one_cookie_and_comes_once(shop: Shop) -> None:
    found = drive(_load(shop, send=Request(), one_visitor=True, first=WRITE))
    assert shop.told == {b"Cookie: s=1"}
    assert found["written"] == shop.writes == 1
