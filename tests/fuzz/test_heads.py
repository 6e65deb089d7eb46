"""Random heads and bodies: each is read as h11 reads it, or refused; none is a 500.

``make fuzz`` sets CPKIT_FUZZ, the number of requests of each kind.
"""

import os
import random
import re

import cherrypy
import h11
import pytest
from cherrypy._cpserver import Server as ServerAdapter

from cpkit.dispatchers import GuardedServer
from cpkit.serving.head import parse_head
from cpkit.serving.limits import Limits, RefusedError
from tests.connections import answered
from tests.serving.shapes import SHAPES

COUNT = int(os.environ.get("CPKIT_FUZZ", "1500"))
SEED = int(os.environ.get("CPKIT_FUZZ_SEED", "9112"))

METHODS = [b"GET", b"POST", b"HEAD", b"OPTIONS", b"PUT", b"get", b"G\x00T", b"CONNECT", b"M-SEARCH"]
TARGETS = [b"/", b"/a?b=c", b"*", b"http://a/", b"//a/", b"/%2f%", b"/#a", b"a", b"/\xe9", b"/?1,2"]
VERSIONS = [b"HTTP/1.1"] * 4 + [b"HTTP/1.0", b"HTTP/2.0", b"HTTP/1.", b"http/1.1", b"HTTP/01.1"]
NAMES = [
    b"Host", b"Content-Length", b"Transfer-Encoding", b"Content-Type", b"Cookie", b"Accept",
    b"Range", b"Connection", b"Expect", b"X_A", b"A b", b"", b" A", b"A\t", b"\xe9",
    b"Accept-Charset", b"TE", b"Content-Disposition", b"Cache-Control", b"If-None-Match",
    b"Authorization", b"Accept-Encoding",
]  # fmt: skip
VALUES = [
    b"a", b"", b"3", b"0", b"-1", b"chunked", b"gzip, chunked", b"close", b"keep-alive",
    b"100-continue", b"application/x-www-form-urlencoded", b"multipart/form-data; boundary=x",
    b"a/b; charset=utf-8", b"a/b; charset=nope", b"=?utf-8?q?a?=", b"=?a?b?c?=", b"bytes=0-1",
    b'a="b;c"', b"a=b; c=d", b"*", b"\x00", b"a\rb", b"a\nb", b"\xff",
    b"form-data; filename*=a''b", b"max-age=1", b"a:1", b"[::1]", b"gzip;q=0.5, *;q=0",
    b"Basic YTpi", b"," * 50, b'"' * 9, b"%" * 9,
]  # fmt: skip
ENDS = [b"\r\n"] * 12 + [b"\n", b"\r", b"\r\n ", b"\r\n\t", b""]
BODIES = [
    b"", b"a=b", b"3\r\na=b\r\n0\r\n\r\n", b"0\r\n\r\n", b"zz\r\n", b"--x\r\n\r\na\r\n--x--\r\n",
    b"%" * 50, b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\nb\r\n--x--\r\n", b"&" * 50,
    b"3\r\na=b",
]  # fmt: skip


def head(choice):
    """Return a request line and fields, most of them well-formed."""
    words = [b"GET", b"/", b"HTTP/1.1"]
    if choice.random() < 0.4:
        words = [choice.choice(METHODS), choice.choice(TARGETS), choice.choice(VERSIONS)]
    lines = [choice.choice([b" "] * 20 + [b"  ", b"\t"]).join(words)]
    if choice.random() < 0.9:
        lines.append(b"Host: a")
    lines += [
        choice.choice(NAMES)
        + choice.choice([b": "] * 9 + [b":", b" : ", b""])
        + choice.choice(VALUES)
        for _ in range(choice.randint(0, 4))
    ]
    made = b"".join(line + choice.choice(ENDS) for line in lines) + b"\r\n"
    return mutated(choice, made) if choice.random() < 0.2 else made


def mutated(choice, data):
    """Return *data* with some bytes replaced, removed or doubled."""
    data = bytearray(data)
    for _ in range(choice.randint(1, 4)):
        at = choice.randrange(len(data) + 1)
        data[at : at + choice.randint(0, 2)] = choice.randbytes(choice.randint(0, 2))
    return bytes(data)


def by_h11(data):
    """Return method, target and fields of a head as h11 reads it, None if it refuses."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=100_000)
    connection.receive_data(data)
    try:
        event = connection.next_event()
    except h11.RemoteProtocolError:
        return None
    if not isinstance(event, h11.Request):
        return None
    return event.method, event.target, {name for name, _ in event.headers if b"_" not in name}


def test_a_head_that_is_accepted_is_read_as_h11_reads_it():
    choice = random.Random(f"{SEED} heads")
    accepted = 0
    for _ in range(COUNT):
        data = head(choice)
        end = data.find(b"\r\n\r\n") + 4
        if end < 4:
            continue
        try:
            parsed = parse_head(data[:end], Limits())
        except RefusedError:
            continue
        accepted += 1
        names = {name.lower() for name in parsed.fields}
        expected = by_h11(data[:end])
        assert expected is not None, data
        method, target, theirs = expected
        assert (parsed.method, parsed.target) == (method, target), data
        assert names - {b"host"} == theirs - {b"host"}, data
    assert accepted > COUNT / 20


class Pages:
    @cherrypy.expose
    def default(self, *path, **fields):
        return "page"


TOOLS = ["encode", "gzip", "etags", "proxy", "caching", "json_in", "accept", "flatten"]


@pytest.fixture
def connection():
    """Return a call that has a guarded server answer bytes, in this thread; and what it logs."""
    config = {f"tools.{name}.on": True for name in TOOLS}
    config |= {"tools.etags.autotags": True, "tools.accept.media": "text/html"}
    config |= {"tools.json_in.force": False, "request.show_tracebacks": False}
    cherrypy.tree.mount(Pages(), "", {"/": config})
    adapter = ServerAdapter()
    adapter.socket_host, adapter.socket_port, adapter.socket_timeout = "127.0.0.1", 0, 60
    server = GuardedServer(adapter)
    logged = []
    server.error_log = lambda *said, **kwargs: logged.append(said)

    return lambda data: (answered(server, data), logged)


# CherryPy leaves the files of parts to be closed by themselves.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_no_request_is_a_500(connection, caplog):
    choice = random.Random(f"{SEED} requests")
    shapes = [data for data, _ in SHAPES.values() if len(data) < 60_000]
    for _ in range(COUNT):
        data = head(choice) + choice.choice(BODIES)
        if choice.random() < 0.2:
            data = mutated(choice, choice.choice(shapes))
        answer, logged = connection(data)
        statuses = re.findall(rb"HTTP/1\.1 (\d+) ", answer)
        assert not {b"500", b"502"} & set(statuses), (data, answer)
        assert not logged, (data, logged)
        assert not [record for record in caplog.records if record.exc_info], data
        caplog.clear()
