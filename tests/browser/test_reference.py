"""The reference of the demo's API, by keyboard."""


def test_a_reader_searches_opens_and_follows_by_keyboard(visit):
    page = visit().open("/docs")
    page.keyboard.press("/")
    page.keyboard.type("write how many copies")
    assert page.locator("#search-found").inner_text() == "1 operation"
    operation = page.locator("details.operation:visible")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert operation.get_attribute("open") is not None
    operation.get_by_role("link", name="Change").first.press("Enter")
    schema = page.locator("#schema-Change")
    assert schema.get_attribute("open") is not None
    page.keyboard.press("/")
    page.keyboard.press("Escape")
    assert page.locator("details.operation:visible").count() > 20


def test_a_link_to_an_operation_opens_it(visit):
    page = visit().open("/docs#holding")
    assert page.locator("#holding").get_attribute("open") is not None
