"""The pages as people use them: without scripts, in two windows, with double clicks, on paper."""

import re

import pytest

from tests.browser.clicks import click_again
from tests.browser.test_tour import follow, stock, wait_for_pies

NO_SCRIPTS = {"java_script_enabled": False}


@pytest.mark.parametrize("options", [{}, NO_SCRIPTS], ids=["scripts", "no-scripts"])
def test_of_two_windows_the_second_is_told_and_nothing_is_lost(visit, options):
    path = f"/library/12/book/{36 + 3 * len(options)}"
    first, second = visit(**options).open(path), visit(**options).open(path)
    for page, note in ((first, "of the first"), (second, "of the second")):
        page.get_by_label("Note").fill(note)
        follow(page, page.get_by_role("button", name="Save"))
    told = second.get_by_role("alert")
    assert "Somebody has changed this meanwhile." in told.text_content()
    assert "“of the first”" in told.text_content()
    assert second.get_by_label("note").input_value() == "of the second"
    follow(second, second.get_by_role("button", name="Send again"))
    assert second.locator("q").text_content() == "of the second"


@pytest.mark.parametrize("options", [{}, NO_SCRIPTS], ids=["scripts", "no-scripts"])
def test_a_double_click_buys_once_and_a_reload_not_again(visit, options):
    page = visit(**options).open("/store/till/regular")
    before = stock(page, "milk")
    page.get_by_label("milk").fill("1")
    page.get_by_role("button", name="Pay").dblclick(no_wait_after=True)
    page.wait_for_url("**/store/receipt/*")
    page.reload()
    assert page.locator("h1").text_content() == "1.40"
    assert stock(page, "milk") == before - 1


def test_who_goes_back_to_a_till_buys_anew(visit):
    page = visit().open("/store/till/regular")
    # The browser fills in again what was in the form: the second basket has both.
    for item, price in (("tea", "4.10"), ("bread", "7.30")):
        page.get_by_label(item).fill("1")
        follow(page, page.get_by_role("button", name="Pay"))
        assert page.locator("h1").text_content() == price
        page.go_back()


def test_a_double_click_on_the_tour_buys_once(visit):
    page, sent = visit().open("/"), []
    page.on("request", lambda request: sent.append(request) if request.method == "POST" else None)
    wait_for_pies(page)
    button = page.get_by_role("button", name="Buy 5 pies by card")
    with page.expect_response("**/store/till/**"):
        button.dblclick()
    page.locator("#chapter-11 output p").first.wait_for()
    click_again(page, button)
    assert len(sent) == 1


def test_a_refused_form_comes_back_with_what_was_wrong(visit):
    page = visit().open("/generate?length=100")
    field = page.get_by_label("length")
    assert (field.input_value(), field.get_attribute("aria-invalid")) == ("100", "true")
    described = page.locator(f"#{field.get_attribute('aria-describedby')}")
    assert described.text_content() == "must be a whole number from 1 to 64"
    field.fill("9")
    follow(page, page.get_by_role("button", name="Send again"))
    assert len(page.locator("h1").text_content()) == 9


def test_without_scripts_every_button_that_is_shown_works(visit):
    page = visit(**NO_SCRIPTS).open("/")
    tour = page.url
    assert page.get_by_role("button", name=re.compile("PUT|DELETE|PATCH|Check")).count() == 0
    statuses = {}
    for number in range(1, 14):
        wait_for_pies(page)
        buttons = page.locator(f"#chapter-{number} form button:visible")
        for at in range(buttons.count()):
            name = buttons.nth(at).text_content()
            with page.expect_navigation() as navigation:
                buttons.nth(at).click()
            statuses[number, name] = navigation.value.status
            page.goto(tour)
    refused = {what: status for what, status in statuses.items() if status >= 400}
    assert refused == {(3, "GET /generate?length=…"): 400}
    assert {number for number, _ in statuses} == set(range(1, 12))


@pytest.mark.parametrize("path", ["/ajax", "/app"])
def test_a_page_of_scripts_says_so_without_them(visit, path):
    page = visit(**NO_SCRIPTS).open(path)
    assert "scripts" in page.locator("main").inner_text()
    assert page.get_by_role("button", name=re.compile("Replace|Delete")).count() == 0


def test_the_form_of_the_page_without_reload_works_without_scripts(visit):
    page = visit(**NO_SCRIPTS).open("/ajax")
    follow(page, page.get_by_role("button", name="Generate"))
    made = page.locator("h1").text_content()
    follow(page, page.get_by_role("link", name="Show the one that is kept"))
    assert page.locator("h1").text_content() == made


@pytest.mark.parametrize("path", ["/", "/library/12/book/15", "/books", "/timing"])
def test_on_paper_there_is_nothing_to_press_and_the_ink_is_dark(visit, path):
    page = visit(color_scheme="dark").open(path)
    page.emulate_media(media="print")
    assert page.locator("header nav, form, button").locator("visible=true").count() == 0
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == "rgb(255, 255, 255)"
    red, *_ = re.findall(r"\d+", page.evaluate("getComputedStyle(document.body).color"))
    assert int(red) < 80


def test_the_page_of_a_book_draws_its_own_timing(visit):
    page = visit().open("/library/12/book/15")
    names = page.locator("#timing .bars li > span:first-child").all_text_contents()
    assert {"total", "dispatch", "handler", "db (1x)"} <= set(names)


@pytest.fixture
def ajax(visit):
    page = visit().open("/ajax")
    page.get_by_role("button", name="Generate", exact=True).click()
    page.get_by_role("status").filter(has_text="Generated.").wait_for()
    return page


def replace(page, string):
    page.get_by_label("Your string").fill(string)
    page.get_by_role("button", name="Replace").click()
    return page.get_by_role("status")


def test_of_two_tabs_that_replace_a_string_the_second_is_told(ajax):
    other = ajax.context.new_page()
    other.goto(ajax.url)
    replace(ajax, "one").filter(has_text="Replaced.").wait_for()
    said = replace(other, "two")
    said.filter(has_text="Somebody has changed this meanwhile. Now it is: one.").wait_for()
    assert other.get_by_label("Your string").input_value() == "two"
    replace(other, "two").filter(has_text="Replaced.").wait_for()


def test_a_session_that_is_lost_on_the_way_loses_nothing_that_was_written(ajax):
    ajax.context.clear_cookies()
    replace(ajax, "mine").filter(has_text="Now it is: gone.").wait_for()
    replace(ajax, "mine").filter(has_text="Replaced.").wait_for()
    ajax.reload()
    assert ajax.get_by_label("Your string").input_value() == "mine"


def test_a_double_click_generates_once_and_the_focus_stays(ajax):
    sent = []
    ajax.on("request", lambda request: sent.append(request) if request.method == "POST" else None)
    button = ajax.get_by_role("button", name="Generate", exact=True)
    button.dblclick()
    ajax.get_by_role("status").filter(has_text="Generated.").wait_for()
    click_again(ajax, button)
    assert len(sent) == 1
    ajax.get_by_role("button", name="Delete").press("Enter")
    ajax.get_by_role("status").filter(has_text="Deleted.").wait_for()
    assert ajax.evaluate("document.activeElement.textContent") == "Generate"


def test_a_field_that_is_refused_says_so_until_it_is_right(ajax):
    length = ajax.get_by_label("Length")
    for value, invalid, said in (("100", "true", "length must be"), ("9", None, "Generated.")):
        length.fill(value)
        ajax.get_by_role("button", name="Generate", exact=True).click()
        ajax.get_by_role("status").filter(has_text=said).wait_for()
        assert length.get_attribute("aria-invalid") == invalid


def test_a_bad_line_loses_nothing_that_was_written(ajax):
    ajax.context.set_offline(True)
    replace(ajax, "kept").filter(has_text="The server could not be reached").wait_for()
    ajax.context.set_offline(False)
    ajax.route("**/generator", lambda route: route.fulfill(body='{"str'))
    replace(ajax, "kept").filter(has_text="The answer did not come whole").wait_for()
    ajax.unroute("**/generator")
    replace(ajax, "kept").filter(has_text="Replaced.").wait_for()
