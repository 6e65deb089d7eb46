"""The library: real data, three forms of each URL, errors that say what is missing."""

import gzip

import markupsafe
import pytest

from cpkit.database.unavailable import ServiceUnavailable
from demo.library import catalogue

BOOK = "/library/12/book/15"
LINE = "note must be printable text in one line, of 0 to 200 characters."


def test_the_catalogue_has_enough_libraries_and_books():
    assert len(catalogue.libraries()) >= 25
    assert len(catalogue.books()) >= 250


def test_ids_count_up_from_one():
    assert [one.id for one in catalogue.libraries()] == list(range(1, 37))
    assert [one.id for one in catalogue.books()] == list(range(1, len(catalogue.books()) + 1))


def test_no_book_is_listed_twice():
    books = catalogue.books()
    assert len({(book.title, book.author) for book in books}) == len(books)


def test_every_book_is_complete_and_out_of_copyright():
    for book in catalogue.books():
        assert all(book[:3])
        assert len(book.language) == 2
        assert 1400 < book.year < 1930


def test_library_12_holds_book_15():
    assert catalogue.holds(12, 15)


def test_every_book_is_held_somewhere():
    assert all(
        any(catalogue.holds(library.id, book.id) for library in catalogue.libraries())
        for book in catalogue.books()
    )


def test_a_book_is_json(demo, json):
    response = demo.get(BOOK, headers=json)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    assert response.json()["book"]["title"] == "Frankenstein; or, The Modern Prometheus"
    assert response.json()["library"]["name"] == "New York Public Library"


def test_a_book_is_a_page(demo):
    response = demo.get(BOOK, headers={"Accept": "text/html"})
    assert response.headers["Content-Type"] == "text/html;charset=utf-8"
    assert '<h1><span lang="en">Frankenstein' in response.text


def test_a_book_is_text(demo):
    response = demo.get(BOOK, headers={"Accept": "text/plain"})
    assert response.text.startswith("Frankenstein; or, The Modern Prometheus by Mary Shelley (1818")


def test_a_book_is_no_picture(demo):
    response = demo.get(BOOK, headers={"Accept": "image/png"})
    assert response.status_code == 406
    for offer in ("text/html", "application/json", "text/plain"):
        assert offer in response.text


def test_a_book_is_timed_and_its_queries_counted(demo):
    timing = demo.get(BOOK).headers["Server-Timing"]
    for phase in ("total", "dispatch", "handler", "db"):
        assert f"{phase};dur=" in timing


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/library/99/book/15", "There is no library 99."),
        ("/library/12/book/9999", "There is no book 9999."),
        ("/library/12/book/16", "Library 12 does not hold book 16."),
        ("/library/0", "There is no library 0."),
        ("/book/0", "There is no book 0."),
    ],
)
@pytest.mark.parametrize("accept", ["application/json", "text/plain", "text/html"])
def test_what_is_missing_is_said_in_the_negotiated_type(demo, path, said, accept):
    response = demo.get(path, headers={"Accept": accept})
    assert response.status_code == 404
    assert response.headers["Content-Type"].startswith(accept)
    assert said in response.text


@pytest.mark.parametrize(
    "path",
    [
        "/library/twelve/book/15",
        "/library/12/book/fifteen",
        "/library/-1",
        "/library/12345678901234567890",
        "/library/१२/book/१५",
        "/nowhere",
        "/library/12/book/15/page/3",
    ],
)
def test_other_paths_are_404(demo, path):
    assert demo.get(path).status_code == 404


@pytest.mark.parametrize("path", [BOOK, "/library/12", "/libraries", "/books", "/book/15"])
@pytest.mark.parametrize("method", ["PATCH", "DELETE", "BREW"])
def test_a_method_that_a_path_lacks_is_405(demo, path, method):
    response = demo.request(method, path)
    assert response.status_code == 405
    assert "GET" in response.headers["Allow"]


def test_copies_and_a_note_are_kept(demo, json):
    fields = {"copies": "7", "note": "read <it> twice"}
    assert demo.put(BOOK, data=fields, headers=json).json()["copies"] == 7
    assert demo.get(BOOK, headers=json).json()["note"] == "read <it> twice"
    assert "read &lt;it&gt; twice" in demo.get(BOOK, headers={"Accept": "text/html"}).text
    assert "read <it> twice" in demo.get(BOOK, headers={"Accept": "text/plain"}).text


def test_a_form_without_scripts_is_sent_back_to_the_page(demo, json):
    response = demo.post(BOOK, data={"copies": "3", "note": ""})
    assert response.status_code == 303
    assert response.headers["Location"].endswith(BOOK)
    assert demo.get(BOOK, headers=json).json()["copies"] == 3


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"copies": "100"}, "copies must be a whole number from 0 to 99."),
        ({"copies": "-1"}, "copies must be a whole number from 0 to 99."),
        ({"copies": "many"}, "copies must be a whole number from 0 to 99."),
        ({"copies": "1_0"}, "copies must be a whole number from 0 to 99."),
        ({}, "body is missing."),
        ({"note": "a"}, "copies is missing."),
        ({"copies": "1", "note": "x" * 201}, LINE),
        ({"copies": "1", "note": "a\0b"}, LINE),
    ],
)
def test_a_bad_edit_says_the_range_and_changes_nothing(demo, json, fields, said):
    before = demo.get(BOOK, headers=json).json()
    response = demo.put(BOOK, data=fields, headers=json)
    assert response.status_code == 400
    assert response.json()["detail"] == said
    assert demo.get(BOOK, headers=json).json() == before


def test_a_change_may_be_a_document(demo, json):
    assert demo.put(BOOK, json={"copies": 7, "note": "twice"}, headers=json).json()["copies"] == 7
    refused = demo.put(BOOK, json={"copies": "7", "colour": "red"}, headers=json)
    assert refused.status_code == 422
    assert [each["name"] for each in refused.json()["errors"]] == ["/copies", "/colour"]


@pytest.mark.parametrize("note", ["উদ্\u200cঘাটন", "👩\u200d👩\u200d👧", "全\u3000角", "a\xa0b"])
def test_a_note_may_be_in_any_script(demo, json, note):
    assert demo.put(BOOK, data={"copies": "1", "note": note}, headers=json).json()["note"] == note


@pytest.mark.parametrize("note", ["a\u202eb", "a\u2067b", "a\u2028b", "a\x85b", "a\x1bb"])
def test_a_note_turns_no_text_but_its_own(demo, json, note):
    response = demo.put(BOOK, data={"copies": "1", "note": note}, headers=json)
    assert response.json()["detail"] == LINE


@pytest.mark.parametrize(
    ("words", "title"),
    [
        ("frankenstein", "Frankenstein; or, The Modern Prometheus"),
        ("bronte jane", "Jane Eyre"),
        ("BRONTË jane", "Jane Eyre"),
        ("arsene lupin", "Arsène Lupin, gentleman-cambrioleur"),
        ("war and peace", "Война и мир"),
        ("война", "Война и мир"),
        ("botchan", "坊っちゃん"),
    ],
)
def test_books_are_found_by_words_without_case_and_accents(demo, json, words, title):
    found = demo.get("/books", params={"q": words}, headers=json).json()["books"]
    assert title in [book["title"] for book in found]


@pytest.mark.parametrize("words", ["%", "_", "no such book", "\\"])
def test_wildcards_of_sql_find_nothing(demo, json, words):
    assert demo.get("/books", params={"q": words}, headers=json).json()["total"] == 0


def test_a_search_is_paged_to_the_end(demo, json):
    path, seen = "/books", []
    while path:
        page = demo.get(path, headers=json).json()
        seen += [book["id"] for book in page["books"]]
        path = page["next"] and "/books" + page["next"]
    assert sorted(seen) == [book.id for book in catalogue.books()]


@pytest.mark.parametrize("path", ["/books", "/library/12"])
@pytest.mark.parametrize("accept", ["text/html", "text/plain"])
def test_a_page_after_the_last_is_empty_and_leads_back_to_books(demo, json, path, accept):
    page = demo.get(f"{path}?start=5000", headers=json).json()
    assert demo.get(path + page["previous"], headers=json).json()["next"] is None
    assert demo.get(path + page["previous"], headers=json).json()["books"]
    shown = demo.get(f"{path}?start=5000", headers={"Accept": accept}).text
    assert f"0 of {page['total']}" in shown


def test_the_books_of_a_language(demo, json):
    page = demo.get("/books?language=fr", headers=json).json()
    assert {book["language"] for book in page["books"]} == {"fr"}


def test_a_book_names_its_holders(demo, json):
    answer = demo.get("/book/15", headers=json).json()
    assert 12 in [library["id"] for library in answer["libraries"]]


@pytest.mark.parametrize("path", ["/libraries", "/library/12", "/books", "/book/15", BOOK])
@pytest.mark.parametrize("accept", ["text/html", "application/json", "text/plain"])
def test_every_resource_has_three_forms(demo, path, accept):
    response = demo.get(path, headers={"Accept": accept})
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith(accept)


def test_an_unprintable_search_is_a_400(demo):
    assert demo.get("/books?q=%00").status_code == 400


def test_a_client_that_has_the_book_gets_a_304(demo, json):
    first = demo.get(BOOK, headers=json)
    asked = {**json, "If-None-Match": first.headers["ETag"]}
    assert demo.get(BOOK, headers=asked).status_code == 304
    demo.put(BOOK, data={"copies": "7"})
    assert demo.get(BOOK, headers=asked).status_code == 200


def test_each_form_of_a_book_has_a_tag_of_its_own_but_the_page_has_none(demo, json):
    tags = [
        demo.get(BOOK, headers={"Accept": accept}).headers.get("ETag")
        for accept in ("application/json", "text/plain", "text/html")
    ]
    assert len(set(tags)) == 3
    assert tags[2] is None


@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_of_two_who_change_a_book_the_second_is_told_and_nothing_is_lost(demo, json, coding):
    asked = {**json, "Accept-Encoding": coding}
    seen = demo.get(BOOK, headers=asked).headers["ETag"]
    first = demo.put(BOOK, data={"copies": "7", "note": "mine"}, headers={**json, "If-Match": seen})
    assert (first.status_code, first.json()["copies"]) == (200, 7)
    second = demo.put(BOOK, data={"copies": "8"}, headers={**json, "If-Match": seen})
    assert second.status_code == 412
    assert "Now it is: 7 copies, note “mine”." in second.json()["detail"]
    again = {**json, "If-Match": first.headers["ETag"]}
    assert demo.put(BOOK, data={"copies": "8"}, headers=again).json()["copies"] == 8


@pytest.mark.parametrize("fields", [{}, {"If-Match": "*"}], ids=["nothing", "any"])
def test_who_names_no_version_changes_what_there_is(demo, json, fields):
    headers = {**json, **fields}
    assert demo.put(BOOK, data={"copies": "7"}, headers=headers).status_code == 200


def test_a_form_of_an_old_version_comes_back_with_what_was_written(demo, json):
    page = {"Accept": "text/html"}
    version = demo.get(BOOK, headers=json).json()["version"]
    demo.put(BOOK, data={"copies": "7"})
    fields = {"copies": "8", "note": "<mine>", "version": version}
    refused = demo.post(BOOK, data=fields, headers=page)
    assert refused.status_code == 412
    assert 'name="note" value="&lt;mine&gt;"' in refused.text
    now = demo.get(BOOK, headers=json).json()["version"]
    assert f'<input type="hidden" name="version" value="{now}">' in refused.text
    again = demo.post(BOOK, data={**fields, "version": now}, headers=page)
    assert again.status_code == 303
    assert demo.post(BOOK, data=fields, headers=page).status_code == 303  # sent twice


def test_a_form_that_is_refused_comes_back_with_what_was_wrong(demo):
    page = {"Accept": "text/html"}
    refused = demo.post(BOOK, data={"copies": "1000", "note": "kept"}, headers=page)
    assert refused.status_code == 400
    assert 'name="note" value="kept"' in refused.text
    assert 'name="copies" value="1000" autocomplete="off" dir="auto" aria-invalid' in refused.text
    assert "must be a whole number from 0 to 99</span>" in refused.text
    missing = demo.post(BOOK, data={"note": "kept"}, headers=page)
    assert 'name="copies" value=""' in missing.text


def test_what_was_written_is_kept_while_the_database_is_away(demo, monkeypatch):
    def away(*args, **kwargs):
        raise ServiceUnavailable(1)

    monkeypatch.setattr("demo.library.queries.update_holding", away)
    fields = {"copies": "3", "note": "thought about for long"}
    answer = demo.post(BOOK, data=fields, headers={"Accept": "text/html"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert 'name="note" value="thought about for long"' in answer.text
    assert "Send it again" in answer.text


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/generate?length=100", 'name="length" value="100"'),
        ("/books?q=%00&language=fr", 'name="language" value="fr"'),
        ("/books?lenght=1&q=a", 'name="q" value="a"'),
    ],
)
def test_a_query_that_is_refused_comes_back_as_a_form(demo, path, field):
    refused = demo.get(path, headers={"Accept": "text/html"})
    assert refused.status_code == 400
    assert field in refused.text
    assert "lenght" not in refused.text.partition("<form")[2]


@pytest.mark.parametrize("path", ["/generate?lenght=9", "/nowhere?a=b"])
def test_what_no_form_can_mend_has_none(demo, path):
    assert "<form" not in demo.get(path, headers={"Accept": "text/html"}).text


PAGES = ["/", "/hello", "/generate", "/display", "/ajax", "/app", "/libraries", "/library/12", BOOK]
PAGES += ["/books", "/book/15", "/store", "/store/till/regular", "/timing", "/source/demo/app.py"]


def test_a_query_that_a_page_does_not_take_is_told_with_a_way_back(demo):
    for path in PAGES:
        for query in ("fbclid=1", "%FF=%00", "a=1&a=2", "=", "kind=x"):
            refused = demo.get(f"{path}?{query}", headers={"Accept": "text/html"})
            assert (path, query, refused.status_code) == (path, query, 400)
            assert f'<a href="{path}">Start over</a>' in refused.text


def test_what_is_compressed_is_the_same_and_its_tag_is_of_use(demo, json):
    note = "🍒" * 100
    demo.put(BOOK, data={"copies": "1", "note": note})
    asked = {**json, "Accept-Encoding": "gzip"}
    packed = demo.get(BOOK, headers=asked)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert {"Accept", "Accept-Encoding"} <= set(packed.headers["Vary"].split(", "))
    assert gzip.decompress(packed.content) == demo.get(BOOK, headers=json).content
    tag = packed.headers["ETag"]
    assert tag.startswith('W/"')
    assert demo.get(BOOK, headers={**asked, "If-None-Match": tag}).status_code == 304
    for status in (200, 412):
        changed = demo.put(BOOK, data={"copies": "2"}, headers={**json, "If-Match": tag})
        assert changed.status_code == status
        demo.put(BOOK, data={"copies": "3"})


def test_pages_and_files_are_compressed(demo):
    page = {"Accept": "text/html, */*"}
    for path in ("/static/style.css", "/books", "/timing.css"):
        plain = demo.get(path, headers=page)
        packed = demo.get(path, headers={**page, "Accept-Encoding": "gzip"})
        assert gzip.decompress(packed.content) == plain.content
        assert len(packed.content) * 2 < len(plain.content)


def test_the_page_of_a_book_shows_all_three_forms_and_how_to_get_them(demo):
    demo.put(BOOK, data={"copies": "7", "note": "</pre><script>"})
    page = demo.get(BOOK, headers={"Accept": "text/html"}).text
    text = demo.get(BOOK, headers={"Accept": "text/plain"}).text
    document = demo.get(BOOK, headers={"Accept": "application/json"}).text
    assert str(markupsafe.escape(text.strip())) in page
    assert str(markupsafe.escape(document.strip())) in page
    assert "curl -H &#39;Accept: text/plain&#39;" in page.replace("'", "&#39;")
    assert "<script>" not in page


def test_the_navigation_marks_where_the_reader_is(demo):
    for path, mark in (
        ("/libraries", '<a href="/libraries" aria-current="page">'),
        ("/library/12", '<a href="/libraries" aria-current="true">'),
        ("/book/15", '<a href="/books" aria-current="true">'),
        ("/store/till/regular", '<a href="/store" aria-current="true">'),
        ("/", '<a href="/" aria-current="page">'),
    ):
        page = demo.get(path, headers={"Accept": "text/html"}).text
        assert mark in page
        assert page.count("aria-current") == 1
