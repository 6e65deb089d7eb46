"""No page has a fault that axe finds: by day and by night, on a desk and on a phone."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from demo.pages import render
from tests.demo.processes import Client

AXE = Path(__file__).parents[2] / "demo/frontend/node_modules/axe-core/axe.min.js"
# Pages that no address alone leads to: a receipt, a 405, a 500.
RECEIPT, NOT_ALLOWED, BROKEN = "a receipt", "405", "500"
SEND = (
    "() => { const form = document.createElement('form'); form.method = 'post';"
    " form.action = '/libraries'; document.body.append(form); form.submit(); }"
)
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
    "/display",
    "/store/till/basket?items=a&items=b",
    "/store/receipt/0",
    RECEIPT,
    NOT_ALLOWED,
    BROKEN,
]
PHONE = {"width": 360, "height": 740}
DESK = {"width": 1280, "height": 900}


def come_to(visitor, path):
    """Open a page; those without an address as a browser comes to them."""
    if path == RECEIPT:
        page = visitor.open("/store/till/regular")
        page.get_by_label("apples").fill("1")
        with page.expect_navigation():
            page.get_by_role("button", name="Pay").click()
    elif path == NOT_ALLOWED:
        page = visitor.open("/ajax")
        with page.expect_navigation() as navigation:
            page.evaluate(SEND)
        assert navigation.value.status == 405
    elif path == BROKEN:
        told = {"status": 500, "title": "Internal Server Error", "detail": "It is told nobody."}
        answer = {
            "body": render("error.html", {**told, "again": None, "back": None}),
            "status": 500,
        }
        answer["content_type"] = "text/html;charset=utf-8"
        visitor.page.route("**/broken", lambda route: route.fulfill(**answer))
        visitor.open("/broken")
    elif path != "/":
        visitor.open(path)


@pytest.mark.parametrize(
    ("scheme", "size"), [("light", PHONE), ("dark", DESK)], ids=["day", "night"]
)
def test_axe_finds_no_fault(visit, scheme, size):
    # NOTE: the policy of the pages keeps every foreign script out, axe too.
    visitor = visit(color_scheme=scheme, viewport=size, bypass_csp=True)
    page = visitor.open("/")
    for number in range(1, 14):  # each chapter with its answer
        card = page.locator(f"#chapter-{number}")
        card.get_by_role("button").first.click()
        card.locator("output > *").first.wait_for()
    page.locator(".claims li").nth(9).wait_for()
    found = {}
    for path in PATHS:
        come_to(visitor, path)
        if path == "/app":
            page.locator("svg.chart").wait_for()
            page.locator(".requests summary").first.click()
            page.locator(".opened .bars").wait_for()
        page.add_script_tag(path=AXE)
        faults = page.evaluate("axe.run().then(result => result.violations)")
        for fault in faults:
            found[path, fault["id"]] = [node["html"][:120] for node in fault["nodes"]]
    assert found == {}


def test_nothing_is_wider_than_a_phone(visit):
    visitor, wide = visit(viewport=PHONE), {}
    page = visitor.open("/")
    for path in PATHS:
        come_to(visitor, path)
        if path == "/app":
            page.locator("svg.chart").wait_for()
        wide[path] = page.evaluate("document.documentElement.scrollWidth")
    assert {path: width for path, width in wide.items() if width > PHONE["width"]} == {}


def test_the_figures_of_the_timing_page_begin_on_a_phone(visit):
    visitor = visit(viewport=PHONE)
    with Client(urlsplit(visitor.site).port) as client:
        for _ in range(2):  # on one connection the second begins when the first is counted
            client.send("GET", "/library/12/book/15")
    page = visitor.open("/timing")
    row = page.get_by_role("row", name="GET /library/{library_id}/book/{book_id}")
    box = row.locator("td").first.bounding_box()
    assert box["x"] + box["width"] < PHONE["width"]
