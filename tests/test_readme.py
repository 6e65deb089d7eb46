"""The README's example does what the sentences under it say."""

import re
from pathlib import Path

import cherrypy
import pytest

README = Path(__file__).parent.parent / "README.md"


@pytest.fixture
def example(cp_client):
    """Mount the example as its last line does, without the server."""
    names = {"__name__": "example"}
    code = re.search(r"^```python\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL)[1]
    exec(compile(code, README, "exec"), names)
    cherrypy.tree.mount(None, "/", {"/": names["config"]})
    return cp_client


def test_the_client_chooses_json_or_plain_text(example):
    answer = example.get("/library/12/book/15", headers={"Accept": "application/json"})
    assert answer.json() == {"library": 12, "book": 15}
    assert answer.headers["Vary"] == "Accept"
    answer = example.get("/library/12/book/15", headers={"Accept": "text/plain"})
    assert answer.text == "{'library': 12, 'book': 15}"


def test_a_type_that_is_not_offered_gets_a_406_that_names_both(example):
    answer = example.get("/library/12/book/15", headers={"Accept": "image/png"})
    assert answer.status_code == 406
    assert "application/json" in answer.text
    assert "text/plain" in answer.text


def test_a_post_gets_a_405_with_an_exact_allow(example):
    answer = example.post("/library/12/book/15")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"


def test_each_requests_phases_are_measured(example):
    answer = example.get("/library/12/book/15")
    assert {"dispatch", "handler", "finalize"} <= answer.timing.phases.keys()


def test_the_timing_that_is_shown_can_be_seen(example):
    answer = example.get("/library/12/book/15")
    assert answer.headers["Server-Timing"].startswith("total;dur=")
