"""The tutorial's chapters, one by one; what went wrong there doesn't here."""

import pytest
import sqlalchemy as sa

from demo.values import LONGEST

RANGE = f"length must be a whole number from 1 to {LONGEST}."


def test_chapter_1_greets(demo):
    assert demo.get("/hello").text == "Hello world!"


def test_chapter_2_generates(demo):
    response = demo.get("/generate")
    assert response.headers["Content-Type"].startswith("text/plain")
    assert len(response.text) == 8
    assert response.text.isalnum()


def test_chapter_2_never_generates_the_same(demo):
    assert len({demo.get("/generate").text for _ in range(5)}) == 5


@pytest.mark.parametrize("length", [1, 16, LONGEST])
def test_chapter_3_takes_the_length(demo, length):
    assert len(demo.get(f"/generate?length={length}").text) == length


@pytest.mark.parametrize("length", ["100", "-1", "abc", "0", "", "1e1", "٣", "9" * 50, "8 9"])
def test_chapter_3_says_the_range(demo, json, length):
    response = demo.get("/generate", params={"length": length}, headers=json)
    assert response.status_code == 400
    assert response.json()["detail"] == RANGE


def test_chapter_4_has_the_form(demo):
    page = demo.get("/", headers={"Accept": "text/html"}).text
    assert 'action="/generate"' in page
    assert 'formmethod="post"' in page


def test_chapter_4_sends_a_form_of_a_page_on_to_what_it_made(demo):
    page = {"Accept": "text/html"}
    sent = demo.post("/generate", data={"length": "16"}, headers=page)
    assert (sent.status_code, sent.headers["Location"]) == (303, "http://127.0.0.1/display")
    assert demo.get("/display").text in demo.get("/display", headers=page).text
    assert len(demo.get("/display").text) == 16


@pytest.mark.parametrize("accept", ["text/html", "application/json", "text/plain"])
def test_chapter_4_takes_the_form_by_get_and_by_post(demo, accept):
    sent = demo.post("/generate", data={"length": "16"}, headers={"Accept": accept})
    for response in (
        demo.get("/generate?length=16", headers={"Accept": accept}),
        demo.get("/display", headers={"Accept": accept}) if sent.status_code == 303 else sent,
    ):
        assert response.status_code == 200
        assert response.headers["Content-Type"].startswith(accept)


def test_a_get_keeps_nothing(demo):
    demo.get("/generate")
    assert demo.get("/display").status_code == 404


def test_chapter_5_shows_the_last_string(demo):
    demo.post("/generate")
    last = demo.post("/generate").text
    assert demo.get("/display").text == last


def test_chapter_5_without_a_string_is_a_404_that_says_so(demo, json):
    response = demo.get("/display", headers=json)
    assert response.status_code == 404
    assert response.json()["detail"] == "You have no string yet: generate one first."


def test_chapter_5_keeps_visitors_apart(demo):
    mine = demo.post("/generate").text
    demo.cookies.clear()
    assert demo.get("/display").status_code == 404
    assert demo.post("/generate").text != mine


def test_a_session_is_written_once_a_minute_not_once_a_request(demo, cp_engine):
    def expiry():
        with cp_engine.db.begin(write=False) as connection:
            return connection.scalar(sa.text("SELECT expires FROM cpkit_sessions"))

    demo.post("/generate")
    first = expiry()
    demo.post("/generate")
    assert expiry() == first


def test_the_session_cookie_is_for_this_site_and_not_for_scripts(demo):
    cookie = demo.post("/generate").headers["Set-Cookie"]
    assert "cpkit_demo=" in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_chapter_6_serves_the_stylesheet(demo):
    response = demo.get("/static/style.css")
    assert response.headers["Content-Type"].startswith("text/css")
    assert "Content-Security-Policy" in response.headers


@pytest.mark.parametrize("path", ["/static/", "/static/none.css", "/static/../app.py"])
def test_chapter_6_serves_no_more(demo, path):
    assert demo.get(path).status_code in (403, 404)


def test_chapter_7_get_before_post_is_a_404(demo):
    assert demo.get("/generator").status_code == 404


def test_chapter_7_generate_replace_delete(demo, json):
    made = demo.post("/generator", data={"length": "5"})
    assert made.status_code == 201
    assert len(made.text) == 5
    assert demo.get("/generator", headers=json).json() == {"string": made.text}
    replaced = demo.put("/generator", data={"another_string": "my own"})
    assert replaced.text == "my own"
    assert demo.get("/generator").text == "my own"
    assert demo.delete("/generator").status_code == 204
    assert demo.get("/generator").status_code == 404


@pytest.mark.parametrize("text", ["", " ", "x" * 201, "a\0b", "two\nlines"])
def test_chapter_7_refuses_a_string_that_is_none(demo, text):
    assert demo.put("/generator", data={"another_string": text}).status_code == 400


def test_chapter_7_needs_the_new_string(demo):
    assert demo.put("/generator", data={}).status_code == 400


def test_chapter_7_lists_the_methods(demo):
    refused = demo.patch("/generator")
    assert refused.status_code == 405
    assert {"GET", "POST", "PUT", "DELETE"} <= set(refused.headers["Allow"].split(", "))
    assert demo.options("/generator").headers["Allow"] == refused.headers["Allow"]


@pytest.mark.parametrize("path", ["/", "/hello", "/display", "/ajax", "/app"])
def test_pages_take_no_post(demo, path):
    assert demo.post(path).status_code == 405


def test_head_is_get_without_a_body(demo):
    response = demo.head("/hello")
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["Content-Length"] == "12"


def test_chapter_8_shows_the_visitors_string_and_loads_nothing_from_elsewhere(demo):
    demo.put("/generator", data={"another_string": '"><script>'})
    page = demo.get("/ajax", headers={"Accept": "text/html"}).text
    assert "&#34;&gt;&lt;script&gt;" in page
    assert "http" not in page


def test_chapter_9_keeps_the_string_when_the_server_starts_again(demo, cp_engine):
    demo.put("/generator", data={"another_string": "kept"})
    cp_engine.stop()
    cp_engine.start()
    assert demo.get("/generator").text == "kept"


def test_chapter_9_who_reads_the_database_learns_nobodys_cookie(demo, cp_engine):
    demo.post("/generator")
    with cp_engine.db.begin(write=False) as connection:
        (row,) = connection.execute(sa.text("SELECT * FROM strings"))
    assert demo.cookies["cpkit_demo"] not in row


def test_chapter_9_a_write_is_undone_when_the_request_fails(demo):
    demo.put("/generator", data={"another_string": "before"})
    assert demo.put("/generator", data={"another_string": "x" * 300}).status_code == 400
    assert demo.get("/generator").text == "before"


def test_chapter_10_says_how_to_build_what_is_not_built(demo, monkeypatch, tmp_path):
    monkeypatch.setattr("demo.chapters.tour.BUNDLE", tmp_path / "app.js")
    page = demo.get("/app", headers={"Accept": "text/html"}).text
    assert "make frontend" in page
    assert "app.js" not in page


def test_chapter_10_loads_what_is_built(demo, monkeypatch, tmp_path):
    monkeypatch.setattr("demo.chapters.tour.BUNDLE", tmp_path)
    page = demo.get("/app", headers={"Accept": "text/html"}).text
    assert '<script type="module" src="/static/app.js">' in page


# Where a link is not named as what it leads to.
LINKED = {
    "dispatcher": "class TillDispatcher",
    "tool": "def discount",
    "plugin": "class Staff",
    "static": '"/static": {',
    "tests": "def test_chapter_1_greets",
    "docs": "docs = openapi.Page(",
}


def test_the_tour_shows_every_chapter_and_links_to_where_it_is_written(demo, json):
    chapters = demo.get("/", headers=json).json()["chapters"]
    assert [chapter["number"] for chapter in chapters] == list(range(1, 14))
    assert all(chapter["sources"] for chapter in chapters)
    for chapter in chapters:
        for name, link in chapter["sources"].items():
            path, _, line = link.partition("#L")
            lines = demo.get(path, headers=json).json()["lines"][int(line) - 1 :]
            written = next(text for text in lines if not text.lstrip().startswith("@")).strip()
            start = LINKED.get(name, ("class " if lines[0][0].isalpha() else "def ") + name)
            assert written.lower().startswith(start.lower())


def test_the_tour_is_a_page_and_text_too(demo):
    assert 'id="chapter-12"' in demo.get("/", headers={"Accept": "text/html"}).text
    assert demo.get("/", headers={"Accept": "text/plain"}).text.startswith("1. A basic application")


@pytest.mark.parametrize(
    "path",
    ["/source/demo/demo.sqlite", "/source/README.md", "/source/..%2F..%2Fetc/passwd", "/source/"],
)
def test_only_the_sources_can_be_read(demo, path):
    assert demo.get(path).status_code == 404


def test_of_two_windows_that_change_a_string_the_second_is_told(demo, json):
    seen = demo.post("/generator", headers=json).headers["ETag"]
    wanted = {**json, "If-Match": seen}
    assert demo.get("/generator", headers={**json, "If-None-Match": seen}).status_code == 304
    assert demo.put("/generator", data={"another_string": "one"}, headers=wanted).status_code == 200
    assert demo.put("/generator", data={"another_string": "one"}, headers=wanted).status_code == 200
    refused = demo.put("/generator", data={"another_string": "two"}, headers=wanted)
    assert (refused.status_code, demo.get("/generator").text) == (412, "one")
    assert "Now it is: one." in refused.json()["detail"]
    demo.delete("/generator")
    gone = demo.put("/generator", data={"another_string": "two"}, headers=wanted)
    assert "Now it is: gone." in gone.json()["detail"]


def test_a_session_that_nobody_gave_out_gets_an_id_of_ours(demo):
    demo.cookies["cpkit_demo"] = "a" * 40
    assert demo.get("/generator").status_code == 404
    demo.put("/generator", data={"another_string": "mine"})
    assert demo.cookies["cpkit_demo"] != "a" * 40
    assert demo.get("/generator").text == "mine"


def test_a_session_is_kept_alive_by_reading(demo, cp_engine):
    def expiry(change=""):
        with cp_engine.db.begin() as connection:
            if change:
                connection.execute(sa.text(f"UPDATE cpkit_sessions SET expires = expires {change}"))
            return connection.scalar(sa.text("SELECT expires FROM cpkit_sessions"))

    demo.put("/generator", data={"another_string": "mine"})
    first = expiry()
    expiry("- 120")
    assert demo.get("/generator").text == "mine"
    assert expiry() >= first
    expiry("- 3601")
    assert demo.get("/generator").status_code == 404
