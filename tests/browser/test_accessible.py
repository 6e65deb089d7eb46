"""No page has a fault that axe finds: by day and by night, on a desk and on a phone."""

from pathlib import Path

import pytest

AXE = Path(__file__).parents[2] / "demo/frontend/node_modules/axe-core/axe.min.js"
PATHS = [
    "/",
    "/ajax",
    "/app",
    "/libraries",
    "/library/12",
    "/library/12/book/15",
    "/books",
    "/book/15",
    "/store",
    "/store/till?card=yes",
    "/timing",
    "/nowhere",
    "/generate",
    "/generate?length=100",
    "/books?q=nothing&start=50",
    "/source/demo/app.py",
    "/docs",
]
PHONE = {"width": 360, "height": 740}
DESK = {"width": 1280, "height": 900}


@pytest.mark.parametrize(
    ("scheme", "size"), [("light", PHONE), ("dark", DESK)], ids=["day", "night"]
)
def test_axe_finds_no_fault(visit, scheme, size):
    # NOTE: the policy of the pages keeps every foreign script out, axe too.
    visitor = visit(color_scheme=scheme, viewport=size, bypass_csp=True)
    page = visitor.open("/")
    page.get_by_role("button", name="GET /library/12/book/15").click()
    page.locator("output .bars").wait_for()
    found = {}
    for path in PATHS:
        if path != "/":
            visitor.open(path)
        if path == "/app":
            page.locator("svg.chart").wait_for()
        page.add_script_tag(path=AXE)
        faults = page.evaluate("axe.run().then(result => result.violations)")
        for fault in faults:
            found[path, fault["id"]] = [node["html"][:120] for node in fault["nodes"]]
    assert found == {}


def test_nothing_is_wider_than_a_phone(visit):
    visitor, wide = visit(viewport=PHONE), {}
    for path in PATHS:
        page = visitor.open(path)
        if path == "/app":
            page.locator("svg.chart").wait_for()
        wide[path] = page.evaluate("document.documentElement.scrollWidth")
    assert {path: width for path, width in wide.items() if width > PHONE["width"]} == {}


def test_the_figures_of_the_timing_page_begin_on_a_phone(visit):
    page = visit(viewport=PHONE).open("/library/12/book/15")
    page.goto(page.url.replace("/library/12/book/15", "/timing"))
    row = page.get_by_role("row", name="GET /library/{library_id}/book/{book_id}")
    box = row.locator("td").first.bounding_box()
    assert box["x"] + box["width"] < PHONE["width"]
