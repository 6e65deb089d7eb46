"""The README's example does what the sentences under it say."""

import json
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


PIECES = "What does each piece add to a request?"
TIMED = "What does it cost a request to be timed?"
READ = "What does a request that reads cost?"
ORIGINS = "What do CORS and the cross-site check add to a request?"
COSTS = {
    "RoutesDispatcher, one route": (PIECES, "cpkit RoutesDispatcher"),
    "accept": (PIECES, "cpkit accept"),
    "timing, phases": (TIMED, "cpkit, phases"),
    "timing, with its header": (TIMED, "cpkit, phases and header"),
    "db, not touched": (PIECES, "cpkit db, not touched"),
    "db, one read by Core (the default)": (READ, "cpkit, Core"),
    "db, one read by the ORM": (READ, "cpkit, ORM"),
    "db, one read by the driver's handle": (READ, "cpkit, raw"),
    "cors": (ORIGINS, "cpkit.cors"),
    "csrf": (ORIGINS, "cpkit.csrf"),
}


def test_the_costs_are_those_of_the_published_run():
    latest = README.parent / "tests" / "benchmarks" / "results" / "latest.json"
    times = {
        (one["params"]["question"], one["param"]): one["extra_info"]
        for one in json.loads(latest.read_text())["benchmarks"]
    }
    told = dict(re.findall(r"^\| ([^|]+) \| ([+-]\d+) % \|$", README.read_text(), re.MULTILINE))
    measured = {
        words: f"{times[title, name]['ratio'] - 1:+.0%}".removesuffix("%")
        for words, (title, name) in COSTS.items()
    }
    assert told == measured
