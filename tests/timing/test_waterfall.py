"""The report for people: a waterfall as text and as SVG, a page that needs nothing else."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from cpkit.timing import report, waterfall

ENTRY = {
    "at": 0,
    "method": "GET",
    "route": "/a/{id}",
    "path": "/a/3",
    "status": 200,
    "trace_id": "",
    "total": 0.100,
    "laps": [["dispatch", 0, 0.010], ["tools", 0.010, 0.020], ["handler", 0.020, 0.100]],
    "intervals": [["db", 0.040, 0.060], ["db", 0.080, 0.090]],
    "phases": {"dispatch": 0.010, "tools": 0.010, "handler": 0.080, "log": 0.0},
    "spans": {"db": [0.030, 2]},
}
SUMMARY = {"count": 3, "mean": 0.02, "p50": 0.01, "p95": 0.05, "p99": 0.06, "max": 0.07}
REPORT = {
    "since": 0,
    "now": 7200,
    "recent": SUMMARY,
    "routes": [
        {"method": "GET", "route": "/a/{id}", "errors": 1, **SUMMARY},
        {"method": "_OTHER", "route": "", "errors": 0, **SUMMARY},
    ],
    "slowest": [ENTRY],
}
HOSTILE = '"><script>alert(1)</script><img src=//evil.example>'


class Elements(HTMLParser):
    """Collect the start tags of a page, and check that each but the void ones is closed."""

    def __init__(self, page):
        super().__init__()
        self.seen, self.open = [], []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in ("meta", "br", "wbr"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_text_shows_when_each_phase_and_span_ran():
    assert waterfall.text(ENTRY, width=20) == (
        "100.0 ms  GET /a/{id}  200  1970-01-01 00:00:00+00:00  '/a/3'\n"
        "  dispatch             |##                  |     10.00 ms\n"
        "  tools                |  ##                |     10.00 ms\n"
        "  handler              |    ################|     80.00 ms\n"
        "  db (2)               |        ####    ##  |     30.00 ms\n"
    )


def test_the_svg_has_a_bar_for_each_stretch_to_scale():
    elements = Elements(waterfall.html(ENTRY)).seen
    bars = [attrs for tag, attrs in elements if tag == "rect"]
    assert [(bar["x"], bar["width"]) for bar in bars] == [
        ("0.0", "100.0"),
        ("100.0", "100.0"),
        ("200.0", "800.0"),
        ("400.0", "200.0"),
        ("800.0", "100.0"),
    ]
    assert not any("style" in attrs for _, attrs in elements)


def test_an_instant_request_can_be_drawn():
    instant = {**ENTRY, "total": 1e-9, "laps": [["handler", 0, 1e-9]], "intervals": []}
    assert "handler" in waterfall.text(instant)
    assert "<rect" in waterfall.html(instant)


def test_a_trace_id_is_in_the_headline():
    assert waterfall.headline({**ENTRY, "trace_id": "abc"}).endswith("'/a/3' trace abc")


def test_the_page_runs_nothing_and_fetches_nothing():
    page = report.html(REPORT)
    elements = Elements(page).seen
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _ in elements}
    assert not any(
        name.startswith(("on", "src", "href", "style")) for _, a in elements for name in a
    )
    assert "://" not in page
    assert page.count("<tr>") == 3


def test_the_policy_allows_the_one_style_and_nothing_else():
    import base64
    import hashlib

    style = report.html(REPORT).partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert report.POLICY.startswith(f"default-src 'none'; style-src 'sha256-{digest}';")
    assert "unsafe" not in report.POLICY


@pytest.mark.parametrize("field", ["method", "route", "path", "trace_id"])
def test_nothing_that_a_client_chose_becomes_markup(field):
    hostile = {
        **REPORT,
        "routes": [{**REPORT["routes"][0], "route": HOSTILE, "method": HOSTILE}],
        "slowest": [{**ENTRY, field: HOSTILE}],
    }
    tags = [tag for tag, _ in Elements(report.html(hostile)).seen]
    assert "script" not in tags
    assert "img" not in tags


def test_a_hostile_span_name_stays_text():
    entry = {**ENTRY, "spans": {HOSTILE: [1.0, 1]}}
    assert "<script" not in waterfall.html(entry)
    assert "\x1b" not in waterfall.text({**ENTRY, "spans": {"\x1b[31m": [1.0, 1]}})


def test_the_text_report_lists_routes_then_waterfalls():
    lines = report.text(REPORT).splitlines()
    assert lines[0].startswith("Counted for 2.0 h; the last seconds: 3 requests, p50 10.0 ms")
    assert lines[3].endswith("GET /a/{id}")
    assert lines[3].split()[:3] == ["3", "1", "20.00"]
    assert lines[4].endswith("_OTHER (no route)")
    assert lines[6].startswith("100.0 ms  GET /a/{id}")


EMPTY = {**REPORT, "recent": dict.fromkeys(SUMMARY, 0), "routes": [], "slowest": []}


@pytest.mark.parametrize("form", [report.html, report.text])
def test_an_empty_report_says_what_to_do_and_no_figures(form):
    told = form(EMPTY)
    assert "set cpkit.timing.on = True" in told
    assert "no requests in the last seconds" in told
    assert "p50" not in told.partition("<main>")[2]
    assert "0.0 ms" not in told


@pytest.mark.parametrize("form", [report.html, report.text])
def test_a_pause_of_the_requests_has_no_percentiles(form):
    told = form({**REPORT, "recent": EMPTY["recent"]})
    assert "no requests in the last seconds" in told
    assert "p50 0.0 ms" not in told


def contrast(one, other):
    """Return the contrast of two colours (WCAG 2, relative luminance)."""

    def luminance(colour):
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return sum(
            share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True)
        )

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("phase", [*waterfall.COLOURS, "a span"])
@pytest.mark.parametrize("ground", ["#ffffff", "#121212"], ids=["day", "night"])
def test_every_colour_is_told_from_the_page_by_day_and_by_night(phase, ground):
    assert contrast(waterfall.COLOURS.get(phase, waterfall.SPAN_COLOUR), ground) >= 3


def test_every_phase_has_a_colour_of_its_own():
    colours = [*waterfall.COLOURS.values(), waterfall.SPAN_COLOUR]
    assert len(set(colours)) == len(colours)


def test_a_page_of_ones_own_has_the_report_and_the_colours():
    part = report.fragment(REPORT)
    assert part in report.html(REPORT)
    assert {"html", "body", "style"}.isdisjoint(tag for tag, _ in Elements(part).seen)
    for phase, colour in waterfall.COLOURS.items():
        assert f".phase-{phase} {{ background: {colour}; }}" in report.STYLE


def test_the_style_of_a_part_leaves_the_rest_of_its_page_alone():
    rules = re.sub(r"@media [^{]+\{|\n\s+", "", report.STYLE)
    selectors = [rule.partition("{")[0].strip(" }\n") for rule in rules.split("}")]
    foreign = [each for each in selectors if each and not each.startswith(".")]
    assert foreign == []


def test_the_docs_show_each_phase_in_its_colour():
    page = (Path(__file__).parents[2] / "docs" / "timing.md").read_text()
    told = dict(re.findall(r"^\| `(\w+)` \| `(#\w{6})` \|", page, re.MULTILINE))
    assert told == waterfall.COLOURS
