"""The application as people use it: two tabs, double clicks, a bad line, the back button."""

import re
import signal
from datetime import datetime, timedelta, timezone

import pytest

from tests.browser.clicks import click_again
from tests.demo.processes import Process

expect = pytest.importorskip("playwright.sync_api").expect


@pytest.fixture
def opened(visit):
    """Return a function that opens a place of the application, in a browser of its own."""

    def open_(place="12/15"):
        page = visit().open(f"/app#{place}")
        page.get_by_role("list", name="Books of").wait_for()
        return page

    return open_


def save(page, note):
    page.get_by_label("Note").fill(note)
    page.get_by_role("button", name="Save").click()
    return page.locator("#book-said")


def replace(page, string):
    page.get_by_role("textbox", name="String").fill(string)
    page.get_by_role("button", name="Replace").click()


def focused(page):
    return page.evaluate("document.activeElement.textContent")


def requests_of(page, method, path):
    """Return a list that gets the requests of a kind as they are made."""
    made = []
    page.on("request", lambda r: made.append(r) if (r.method == method and path in r.url) else None)
    return made


def test_of_two_tabs_the_second_is_told_and_nothing_is_lost(opened):
    first, second = opened("12/18"), opened("12/18")
    for page in (first, second):
        page.get_by_label("Note").wait_for()
    save(first, "of the first").filter(has_text="Saved.").wait_for()
    said = save(second, "of the second")
    said.filter(has_text="412: Somebody has changed this meanwhile.").wait_for()
    assert "note “of the first”" in said.text_content()
    assert second.get_by_label("Note").input_value() == "of the second"
    second.get_by_role("button", name="Save").click()
    said.filter(has_text="Saved.").wait_for()


def test_two_tabs_of_one_browser_share_a_string_and_the_second_is_told(opened):
    first = opened()
    first.get_by_role("button", name="Generate", exact=True).click()
    first.get_by_text("Generated.").wait_for()
    second = first.context.new_page()
    second.goto(first.url)
    second.get_by_role("button", name="Show mine").click()
    second.get_by_text("Here it is.").wait_for()
    replace(first, "one")
    first.get_by_text("Replaced.").wait_for()
    replace(second, "two")
    second.get_by_text("412: Somebody has changed this meanwhile. Now it is: one.").wait_for()
    assert second.get_by_role("textbox", name="String").input_value() == "two"
    second.get_by_role("button", name="Replace").click()
    second.get_by_text("Replaced.").wait_for()


def test_a_double_click_changes_once(opened):
    page = opened("12/21")
    made = requests_of(page, "PUT", "/book/21")
    page.get_by_label("Note").fill("twice")
    button = page.get_by_role("button", name="Save")
    button.dblclick()
    page.get_by_text("Saved.").wait_for()
    click_again(page, button)
    assert len(made) == 1
    with page.expect_request(lambda request: request.method == "PUT"):
        button.click()  # which is no second click of anything
    assert len(made) == 2


def test_a_slow_library_does_not_take_the_place_of_the_one_chosen_after_it(opened):
    page, held = opened(), []
    page.route("**/library/1?start=0", lambda route: held.append(route))
    page.get_by_role("combobox").select_option("1")
    while not held:
        page.wait_for_timeout(10)
    page.get_by_role("combobox").select_option("2")
    books = page.get_by_role("list", name="Books of")
    chosen = page.locator("option[value='2']").text_content()
    page.get_by_role("list", name=f"Books of {chosen}").wait_for()
    held[0].fulfill(json={"library": {"id": 1, "name": "late"}, "books": []})
    page.evaluate("new Promise(requestAnimationFrame)")
    assert books.get_attribute("aria-label") == f"Books of {chosen}"


def test_what_is_shown_stays_offline_and_goes_on_when_the_line_is_back(opened):
    page = opened("12/24")
    page.context.set_offline(True)
    page.get_by_role("button", name="Later").click()
    page.locator("#browse ~ [role=alert]").filter(has_text="could not be reached").wait_for()
    assert page.get_by_role("list", name="Books of").get_by_role("button").count() == 24
    page.context.set_offline(False)
    page.get_by_role("status").filter(has_text="25–48 of").wait_for()
    expect(page.get_by_role("alert")).to_have_count(0)  # each part asks again in its own time


def test_a_list_that_never_came_can_be_asked_for_again(visit):
    visitor = visit()
    visitor.page.route("**/libraries", lambda route: route.abort())
    page = visitor.open("/app")
    alert = page.locator("#browse ~ [role=alert]")
    alert.filter(has_text="could not be reached").wait_for()
    page.unroute("**/libraries")
    alert.get_by_role("button", name="Try again").click()
    page.get_by_role("option", name="British Library").wait_for(state="attached")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_an_answer_that_breaks_off_is_told_in_words(opened):
    page = opened("12/27")
    page.get_by_label("Note").wait_for()
    page.route("**/book/27", lambda route: route.fulfill(body='{"copies": 3, "no'))
    save(page, "cut").filter(has_text="The answer did not come whole. Try again.").wait_for()
    assert page.get_by_label("Note").input_value() == "cut"


def test_a_reload_and_the_back_button_come_to_the_same_page_of_books(opened):
    page = opened()
    status = page.get_by_role("status")
    page.get_by_role("button", name="Later").click()
    status.filter(has_text="25–48 of").wait_for()
    page.reload()
    status.filter(has_text="25–48 of").wait_for()
    page.go_back()
    status.filter(has_text="1–24 of").wait_for()


def test_the_focus_stays_with_the_button_that_was_pressed(opened):
    page = opened("12/30/96")
    page.get_by_role("button", name="Later").press("Enter")
    later = page.get_by_role("button", name="Later")
    page.wait_for_function("() => document.activeElement.ariaDisabled === 'true'")
    assert focused(page) == "Later →"
    later.press("Enter")  # there is no more
    assert "121–" in page.locator(".pages [role=status]").text_content()
    page.get_by_role("button", name="Save").press("Enter")
    page.get_by_text("Saved.").wait_for()
    assert focused(page) == "Save"


def test_the_focus_goes_on_where_the_button_is_gone(opened):
    page = opened()
    page.get_by_role("button", name="Generate", exact=True).press("Enter")
    page.get_by_text("Generated.").wait_for()
    page.get_by_role("textbox", name="String").fill("mine")
    page.get_by_role("button", name="Replace").press("Enter")
    page.get_by_text("Replaced.").wait_for()
    assert focused(page) == "Replace"
    page.get_by_role("button", name="Delete").press("Enter")
    page.get_by_text("Deleted.").wait_for()
    assert focused(page) == "Generate"


def test_a_second_saved_is_announced_as_the_first_was(opened):
    page = opened("12/33")
    page.get_by_label("Note").wait_for()
    page.evaluate(
        "() => { const said = document.querySelector('#book-said'); window.heard = [];"
        " new MutationObserver(() => heard.push(said.textContent)).observe("
        " said, {characterData: true, childList: true, subtree: true}); }"
    )
    for number, note in enumerate(("one", "two"), 1):
        save(page, note)
        page.wait_for_function("n => heard.filter(it => it === 'Saved.').length === n", arg=number)
    assert page.evaluate("heard") == ["…", "Saved.", "…", "Saved."]


def test_a_refused_field_says_so_of_itself(opened):
    page = opened()
    copies = page.get_by_label("Copies")
    copies.fill("1000")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("400: copies must be").wait_for()
    assert copies.get_attribute("aria-invalid") == "true"
    described = page.locator(f"#{copies.get_attribute('aria-describedby')}")
    assert "0 to 99" in described.text_content()
    assert page.get_by_label("Note").get_attribute("aria-invalid") is None


def test_each_book_has_its_title_in_the_history(opened):
    page = opened()
    page.wait_for_function("() => document.title.startsWith('Frankenstein')")
    page.get_by_role("list").get_by_role("button", name="Il Principe").click()
    page.wait_for_function("() => document.title.startsWith('Il Principe')")
    page.get_by_role("combobox").select_option("3")
    page.wait_for_function(
        "() => document.title.startsWith(document.querySelector('option:checked').text)"
    )


def test_a_library_that_is_not_there_is_told_and_no_other_is_shown(visit):
    page = visit().open("/app#99/0")
    page.get_by_role("alert").filter(has_text="404: There is no library 99.").wait_for()
    page.get_by_role("option", name="choose a library").wait_for(state="attached")
    assert page.get_by_role("combobox").input_value() == ""
    assert page.get_by_role("list", name="Books of").count() == 0


def test_a_hidden_tab_asks_nothing(visit):
    visitor = visit()
    page, made = visitor.page, requests_of(visitor.page, "GET", "/timing")
    page.clock.install()
    visitor.open("/app")
    page.locator("svg.chart").wait_for()

    def turn(state):
        page.evaluate(
            "state => { Object.defineProperty(document, 'visibilityState',"
            " {get: () => state, configurable: true});"
            " document.dispatchEvent(new Event('visibilitychange')); }",
            state,
        )

    turn("hidden")
    page.evaluate("fetch('/hello').then(answer => answer.text())")
    before = len(made)
    page.clock.run_for(60_000)
    page.evaluate("fetch('/hello').then(answer => answer.text())")
    assert len(made) == before
    with page.expect_request("**/timing"):
        turn("visible")


def test_the_chart_says_from_the_start_what_it_shows(visit):
    visitor = visit()
    visitor.page.clock.install()
    visitor.page.clock.pause_at(datetime.now(timezone.utc) + timedelta(hours=1))
    page = visitor.open("/app")  # where no second look comes
    page.locator("svg.chart circle").first.wait_for(state="attached")
    assert page.locator("svg.chart circle").count() == 3
    assert "the dots at the right become lines" in page.locator("figure").text_content()


def test_a_request_is_opened_and_shows_its_phases_and_where_each_began(opened):
    page = opened()
    requests = page.get_by_role("list", name="Requests").locator("details")
    request = requests.filter(has_text="/library/12/book/15").first
    request.locator("summary").press("Enter")
    for told in ("^handlerat ", r"^db \(1x\)within"):
        request.locator(".bars li").filter(has_text=re.compile(told)).wait_for()


def test_a_phase_has_one_colour_on_every_page(visit):
    visitor, colours = visit(), {}
    page = visitor.open("/")
    page.get_by_role("button", name="GET /library/12/book/15").click()
    for path, where in (
        ("/", "output .phase-handler"),
        ("/app", ".legend .phase-handler"),
        ("/library/12/book/15", "#timing .phase-handler"),
    ):
        if path != "/":
            visitor.open(path)
        bar = page.locator(where).first
        bar.wait_for()
        colours[path] = bar.evaluate("bar => getComputedStyle(bar).backgroundColor")
    visitor.open("/timing")
    row = page.locator(".waterfall li").filter(has_text="handler").first
    colours["/timing"] = row.locator("rect").evaluate("bar => getComputedStyle(bar).fill")
    assert len(set(colours.values())) == 1


def test_an_open_page_outlives_a_restart_of_the_server(chromium, tmp_path):
    url = f"sqlite:///{tmp_path}/demo.sqlite"
    with Process.demo(url, tmp_path) as server:
        page = chromium.new_page()
        page.goto(f"http://127.0.0.1:{server.port}/app")
        page.get_by_role("list", name="Books of").wait_for()
        page.get_by_role("button", name="Generate", exact=True).click()
        page.get_by_text("Generated.").wait_for()
        assert server.end(signal.SIGTERM) == 0
        page.get_by_role("button", name="Later").click()
        alert = page.locator("#browse ~ [role=alert]")
        alert.filter(has_text="could not be reached").wait_for()
        with Process(server.process.args, server.port, tmp_path):
            alert.get_by_role("button", name="Try again").click()
            page.get_by_role("status").filter(has_text="25–48 of").wait_for()
            page.get_by_role("button", name="Show mine").click()
            page.get_by_text("Here it is.").wait_for()
        page.close()
