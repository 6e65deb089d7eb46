"""The tour and its chapters, in a real browser."""

import re

import pytest

expect = pytest.importorskip("playwright.sync_api").expect


def press(page, chapter, button):
    """Press a button of a chapter's card; return the first line of what it shows."""
    card = page.locator(f"#chapter-{chapter}")
    shown = card.locator("output p").first
    before = shown.text_content() if shown.count() else ""
    with page.expect_response(lambda response: response.request.resource_type == "fetch"):
        card.get_by_role("button", name=button, exact=True).click()
    page.wait_for_function(
        "([chapter, before]) => {"
        " const shown = document.querySelector(`#chapter-${chapter} output:not([aria-busy]) p`);"
        " return shown && (shown.textContent !== before || before); }",
        arg=[chapter, before],
    )
    return shown.text_content()


def stock(page, item):
    """Return how many of an item stand on the shelf."""
    answer = page.context.request.get(
        re.sub(r"(?<=\d)/.*", "/store", page.url), headers={"Accept": "application/json"}
    )
    return next(s["stock"] for s in answer.json()["shelves"] if s["item"] == item)


def wait_for_pies(page):
    """Wait until five pies can be bought: of the eight, others may have bought five."""
    while stock(page, "pie") < 5:  # the staff comes every few seconds
        page.wait_for_timeout(100)


def follow(page, button):
    """Press what leads to another page; return when that page is there."""
    # NOTE: a click returns before its navigation is over; what is asked of the page meanwhile,
    # the old one answers, or none.
    with page.expect_navigation():
        button.click()


def body(page, chapter):
    return page.locator(f"#chapter-{chapter} output pre").text_content()


@pytest.fixture
def tour(visit):
    return visit().open("/")


@pytest.mark.parametrize(
    ("chapter", "button", "said"),
    [
        (1, "GET /hello", "GET /hello → 200"),
        (2, "GET /generate", "GET /generate → 200 · text/plain"),
        (3, "GET /generate?length=…", "GET /generate?length=100 → 400 · application/json"),
        (4, "Give it now, by GET", "GET /generate?length=16 → 200"),
        (4, "by POST", "POST /generate → 200"),
        (5, "GET /display", "GET /display → 404"),
        (6, "GET /static/style.css", "GET /static/style.css → 200 · text/css"),
        (7, "GET", "GET /generator → 404"),
        (7, "PATCH", "PATCH /generator → 405 · text/plain · Allow: "),
        (8, "POST, without reload", "POST /generator → 201"),
        (9, "GET /library/12/book/15", "GET /library/12/book/15 → 200 · application/json"),
        (10, "What it reads first", "GET /libraries → 200 · application/json"),
        (11, "Which till?", "GET /store/till?items=3 → 200"),
        (11, "Buy 5 pies by card", "POST /store/till/store-card → 201"),
    ],
)
def test_a_card_does_its_thing_on_the_page(tour, chapter, button, said):
    wait_for_pies(tour)
    assert press(tour, chapter, button).startswith(said)


def test_a_card_shows_where_the_server_spent_its_time(tour):
    press(tour, 9, "GET /library/12/book/15")
    shown = tour.locator("#chapter-9 .bars li").all_text_contents()
    assert any(line.startswith("handler") for line in shown)
    assert any(line.startswith("db (1x)") for line in shown)


def test_generate_replace_delete(tour):
    press(tour, 7, "POST")
    made = body(tour, 7)
    press(tour, 7, "GET")
    assert body(tour, 7) == made
    press(tour, 7, "PUT")
    assert body(tour, 7) == "a string of mine"
    press(tour, 7, "DELETE")
    assert press(tour, 7, "GET").startswith("GET /generator → 404")


def test_the_form_works_without_scripts(visit):
    page = visit(java_script_enabled=False).open("/")
    follow(page, page.get_by_role("button", name="by POST"))
    assert re.fullmatch("[0-9A-Za-z]{16}", page.locator("h1").text_content())


def test_every_check_of_chapter_12_holds(tour):
    def is_bad():
        tour.get_by_role("button", name="Check this server from here").click()
        expect(tour.locator(".claims li")).to_have_count(10)
        expect(tour.locator("form[data-check]")).not_to_have_attribute("aria-busy", "true")
        return tour.locator(".claims .bad").all_text_contents()

    while (bad := is_bad()) == ["GET /healthz → 503"]:  # the machine stopped for a second
        pass
    assert bad == []


def test_a_link_leads_to_the_line_of_the_source(tour):
    follow(tour, tour.locator("#chapter-11").get_by_role("link", name="Source of dispatcher"))
    assert "class TillDispatcher" in tour.locator("li:target").text_content()


def test_the_page_can_be_used_by_keyboard_alone(tour):
    tour.keyboard.press("Tab")
    assert tour.evaluate("document.activeElement.textContent") == "Skip to the content"
    tour.keyboard.press("Enter")
    tour.wait_for_url("**/#main")
    tour.locator("#chapter-1 button").focus()
    tour.keyboard.press("Enter")
    tour.locator("#chapter-1 output pre").wait_for()
    assert body(tour, 1) == "Hello world!"


def test_ajax_generates_replaces_deletes_without_reload(visit):
    page = visit().open("/ajax")
    page.evaluate("window.loaded = 'once'")
    said = page.get_by_role("status")
    page.get_by_role("button", name="Generate", exact=True).click()
    said.filter(has_text="Generated.").wait_for()
    text = page.get_by_label("Your string")
    assert len(text.input_value()) == 8
    text.fill("mine")
    page.get_by_role("button", name="Replace").click()
    said.filter(has_text="Replaced.").wait_for()
    page.get_by_role("button", name="Delete").click()
    said.filter(has_text="Deleted.").wait_for()
    assert text.is_hidden()
    assert page.evaluate("window.loaded") == "once"


def test_ajax_shows_the_servers_error(visit):
    page = visit().open("/ajax")
    page.get_by_label("Length").fill("100")
    page.get_by_role("button", name="Generate", exact=True).click()
    page.get_by_text("length must be a whole number from 1 to 64.").wait_for()


def test_ajax_shows_what_the_server_says_of_a_string_much_too_long(visit):
    page = visit().open("/ajax")
    page.get_by_role("button", name="Generate", exact=True).click()
    page.get_by_label("Your string").fill("\N{CHERRIES}" * 10_000)
    page.get_by_role("button", name="Replace").click()
    page.get_by_text("The body is too large.").wait_for()


def test_two_browsers_do_not_see_each_others_string(visit):
    one, other = visit().open("/ajax"), visit().open("/ajax")
    for page in (one, other):
        page.get_by_role("button", name="Generate", exact=True).click()
        page.get_by_text("Generated.").wait_for()
    strings = {page.get_by_label("Your string").input_value() for page in (one, other)}
    for page in (one, other):
        page.reload()
    assert len(strings) == 2
    assert {page.get_by_label("Your string").input_value() for page in (one, other)} == strings


def test_the_library_is_searched(visit):
    page = visit().open("/books")
    page.get_by_label("Words").fill("bronte jane")
    follow(page, page.get_by_role("button", name="Search"))
    follow(page, page.get_by_role("link", name="Jane Eyre"))
    assert "Charlotte Brontë" in page.locator(".lead").text_content()


def test_an_edit_without_scripts_stays(visit):
    page = visit(java_script_enabled=False).open("/library/11/book/16")
    page.get_by_label("Note").fill("by <form>")
    follow(page, page.get_by_role("button", name="Save"))
    page.goto(page.url)
    assert page.locator("q").text_content() == "by <form>"
