"""Bodies of 900 kB are judged and read in time, and as CherryPy reads them."""

import io
from types import SimpleNamespace
from urllib.parse import unquote_to_bytes

import cherrypy
import pytest
from cherrypy._cpreqbody import process_urlencoded, unquote_plus

from cpkit.dispatchers import RequestGuard
from cpkit.serving import guard
from cpkit.serving.escapes import unquoted
from cpkit.serving.limits import Limits, RefusedError
from cpkit.serving.pieces import judge_of
from cpkit.testing import Client
from tests.properties import given
from tests.properties import st as some

from .processor import takes_at_most

SIZE = 900_000
FORM, PARTS = "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"
JSON = "application/json"
PIECES = some.sampled_from(
    [*(bytes([n]) for n in b"%%%%%%=+ -_09aAfFgz\r\n\0\xff"), b"%41", b"%e4"]
)
TEXTS = some.lists(PIECES, max_size=12).map(b"".join)


@given(TEXTS)
def test_escapes_are_undone_as_cherrypy_does(text):
    assert guard._unquote_plus(text) == unquote_plus(text)


SIGNS = [b"a", b"b", b"=", b"&", b";", b"+", b"%41", b"%26", b"%e4", b"%c3%a4", b"%", b"\xff"]
FORMS = some.lists(some.sampled_from(SIGNS)).map(b"".join)


def read_by(reader, form, charsets):
    """Return what *reader* makes of a form: the values and the charset, or the status."""
    entity = SimpleNamespace(fp=io.BytesIO(form), attempt_charsets=charsets, params={}, charset="")
    try:
        reader(entity)
    except cherrypy.HTTPError as error:
        return error.status
    return entity.params, entity.charset


@given(FORMS, some.sampled_from([["utf-8"], ["us-ascii", "utf-8", "latin-1"], ["us-ascii"]]))
def test_a_form_is_read_as_cherrypy_reads_it(form, charsets):
    ours = read_by(guard._read_form, form, charsets)
    assert ours == read_by(process_urlencoded, form, charsets)


@given(TEXTS)
def test_escapes_are_undone_as_urllib_does(text):
    assert unquoted(text) == unquote_to_bytes(text)


class Pages:
    @cherrypy.expose
    def index(self, **fields):
        return f"{sorted((name, len(value)) for name, value in fields.items())}"


def part(*fields, content):
    return b"--x\r\n" + b"\r\n".join(fields) + b"\r\n\r\n" + content + b"\r\n--x--\r\n"


NAMED = b'Content-Disposition: form-data; name="a"'
OF_A_FORM = f"Content-Type: {FORM}".encode()
# What CherryPy reads one escape, and one line that begins as a boundary does, at a time.
BODIES = {
    "escapes": (FORM, b"a=" + b"%41" * (SIZE // 3)),
    "escapes in a name": (FORM, b"%41" * (SIZE // 3) + b"=a"),
    "escapes in a part": (PARTS, part(NAMED, OF_A_FORM, content=b"%41" * (SIZE // 3))),
    "false boundaries": (PARTS, part(NAMED, content=b"\r\n--xy" * (SIZE // 6))),
}


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_large_body_is_read_in_time(name):
    cherrypy.tree.mount(Pages())
    kind, body = BODIES[name]
    client = Client(RequestGuard(cherrypy.tree))
    answers = []
    assert takes_at_most(
        0.02,
        lambda: answers.append(client.post("/", data=body, headers={"Content-Type": kind})),
    )
    assert answers[-1].status_code == 200


DOCUMENTS = {
    "nested": b"[" + b",".join([b"[" * 400 + b"]" * 400] * (SIZE // 801)) + b"]",
    "objects": b"[" + b"{}," * (SIZE // 3) + b"{}]",
    "pairs in pairs": b"[[][]]" * (SIZE // 6),
    "staircase": (b"[[]" * 100 + b"]" * 100) * (SIZE // 400),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_how_deeply_a_large_document_is_nested_is_seen_in_time(name):
    pieces = [DOCUMENTS[name][at : at + 65536] for at in range(0, SIZE, 65536)]

    def judged():
        judge = judge_of(JSON, Limits())
        for piece in pieces:
            judge(piece, False)

    assert takes_at_most(0.02, judged)


@pytest.mark.parametrize(
    ("pieces", "refused"),
    [
        ([b"[" * 500], False),
        ([b"[" * 501], True),
        ([b"[" * 300, b"[" * 300], True),
        ([b'[{"a":' * 251], True),
        ([b"]" * 600 + b"[" * 501], True),
        ([b'"' + b"}" * 600 + b'"' + b"[" * 400], False),
        ([b"[" * 400 + b"]" * 400] * 9, False),
        ([b"[]" * 30_000 + b"[{" * 251], True),
        ([b"[[]" * 600], True),
    ],
)
def test_what_is_nested_over_500_levels_is_refused(pieces, refused):
    judge = judge_of(JSON, Limits())
    try:
        for piece in pieces:
            judge(piece, False)
    except RefusedError:
        assert refused
    else:
        assert not refused


def test_a_form_in_a_part_is_a_field_like_any():
    cherrypy.tree.mount(Pages())
    body = part(NAMED, OF_A_FORM, content=b"b=c")
    answer = Client(RequestGuard(cherrypy.tree)).post(
        "/", data=body, headers={"Content-Type": PARTS}
    )
    assert answer.text == "[('a', 3)]"
