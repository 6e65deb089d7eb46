"""The reference of the demo's API, by keyboard.

The page opens what a key or a fragment names when its event has come: ``expect`` waits for that.
"""

import pytest

expect = pytest.importorskip("playwright.sync_api").expect


def test_a_reader_searches_opens_and_follows_by_keyboard(visit):
    page = visit().open("/docs")
    page.keyboard.press("/")
    page.keyboard.type("write how many copies")
    expect(page.locator("#search-found")).to_have_text("1 operation")
    operation = page.locator("details.operation:visible")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(operation).to_have_js_property("open", True)
    operation.get_by_role("link", name="Change").first.press("Enter")
    expect(page.locator("#schema-Change")).to_have_js_property("open", True)
    page.keyboard.press("/")
    page.keyboard.press("Escape")
    expect(page.locator("details.operation:visible").nth(20)).to_be_visible()


def test_a_link_to_an_operation_opens_it(visit):
    page = visit().open("/docs#holding")
    expect(page.locator("#holding")).to_have_js_property("open", True)
