"""The React application, in a real browser."""

import pytest

expect = pytest.importorskip("playwright.sync_api").expect


@pytest.fixture
def app(visit):
    page = visit().open("/app")
    page.get_by_role("heading", name="Frankenstein").wait_for()
    return page


def test_an_edit_survives_a_reload(app):
    app.get_by_label("Copies").fill("9")
    app.get_by_label("Note").fill("seen in React")
    app.get_by_role("button", name="Save").click()
    app.get_by_text("Saved.").wait_for()
    app.reload()
    app.locator("input[name=note][value='seen in React']").wait_for()
    assert app.get_by_label("Copies").input_value() == "9"


def test_an_error_is_shown_as_the_server_says_it(app):
    app.get_by_label("Copies").fill("1000")
    app.get_by_role("button", name="Save").click()
    app.get_by_text("400: copies must be a whole number from 0 to 99.").wait_for()


def test_what_is_refused_stays_in_the_form(app):
    app.get_by_label("Copies").fill("1000")
    app.get_by_label("Note").fill("thought about for long")
    app.get_by_role("button", name="Save").click()
    app.get_by_text("400: copies must be").wait_for()
    assert app.get_by_label("Copies").input_value() == "1000"
    assert app.get_by_label("Note").input_value() == "thought about for long"
    app.get_by_label("Length").fill("100")
    app.get_by_role("button", name="Generate", exact=True).click()
    app.get_by_text("400: length must be").wait_for()
    assert app.get_by_label("Length").input_value() == "100"


def test_a_server_that_is_not_reached_is_told_in_words(app):
    app.context.set_offline(True)
    app.get_by_role("button", name="Save").click()
    status = app.locator("#book ~ form").get_by_role("status")
    status.filter(has_text="The server could not be reached").wait_for()


@pytest.mark.parametrize(
    "note", ["<img src=/ onerror=alert(1)>", "\N{HEBREW LETTER ALEF}b", "&amp;"]
)
def test_a_note_is_shown_as_it_was_written(app, note):
    app.get_by_label("Note").fill(note)
    app.get_by_role("button", name="Save").click()
    app.get_by_text("Saved.").wait_for()
    app.reload()
    app.get_by_role("heading", name="Frankenstein").wait_for()
    assert app.get_by_label("Note").input_value() == note


def test_the_same_url_is_html_json_and_text(app):
    shown = app.locator("pre")
    for form, start in (("text/html", "<!doctype html>"), ("text/plain", "Frankenstein; or")):
        app.get_by_role("button", name=form).click()
        shown.filter(has_text=start).wait_for()


def test_a_library_and_a_book_are_chosen_and_kept_in_the_address(app):
    app.get_by_role("combobox").select_option(label="British Library")
    book = app.get_by_role("list", name="Books of British Library").get_by_role("button").first
    title = book.locator("span").text_content()
    book.click()
    app.locator("#book").filter(has_text=title).wait_for()
    app.reload()
    app.locator("#book").filter(has_text=title).wait_for()
    expect(app.get_by_role("combobox").locator("option:checked")).to_have_text("British Library")


def test_the_back_button_comes_to_the_book_before(app):
    app.get_by_role("list").get_by_role("button", name="Il Principe").click()
    app.locator("#book").filter(has_text="Il Principe").wait_for()
    app.go_back()
    app.locator("#book").filter(has_text="Frankenstein").wait_for()


def test_the_link_to_the_content_leaves_the_book(app):
    app.get_by_role("list").get_by_role("button", name="Il Principe").click()
    app.locator("#book").filter(has_text="Il Principe").wait_for()
    app.get_by_role("link", name="Skip to the content").focus()
    app.keyboard.press("Enter")
    app.wait_for_url("**/app#main")
    assert app.locator("#book").text_content() == "Il Principe"


def test_the_string_is_generated_replaced_deleted(app):
    app.get_by_role("button", name="Generate", exact=True).click()
    app.get_by_text("Generated.").wait_for()
    app.get_by_role("textbox", name="String").fill("mine")
    app.get_by_role("button", name="Replace").click()
    app.get_by_text("Replaced.").wait_for()
    app.get_by_role("button", name="Delete").click()
    app.get_by_text("Deleted.").wait_for()
    app.get_by_role("button", name="Show mine").click()
    app.get_by_text("404: You have no string yet: generate one first.").wait_for()


def test_the_waterfall_draws_the_servers_phases(app):
    app.get_by_role("list", name="Requests").get_by_text("/library/12/book/15").first.wait_for()
    track = app.locator(".track[aria-label*='handler']").first
    track.wait_for()
    assert "dispatch" in track.get_attribute("aria-label")
    assert track.locator("i").count() > 3


def test_the_waterfall_is_live(app):
    app.get_by_role("button", name="Generate", exact=True).click()
    app.get_by_role("list", name="Requests").get_by_text("/generator").first.wait_for()


def test_the_percentiles_are_live(app):
    app.locator("svg.chart polyline").first.wait_for(state="attached")
    row = app.get_by_role("row", name="GET /library/{library_id}/book/{book_id}")
    row.wait_for()
    before = int(row.locator("td").first.text_content())
    app.get_by_role("button", name="text/plain").click()
    app.wait_for_function(
        "before => [...document.querySelectorAll('.figures tr')].some(row =>"
        " row.textContent.includes('{book_id}') && +row.cells[1].textContent > before)",
        arg=before,
    )
