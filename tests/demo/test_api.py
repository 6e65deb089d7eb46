"""The demo's API: described, and shown as a page."""

from cpkit import openapi
from demo.app import dispatcher
from tests.openapi.describing import validate


def test_the_description_is_valid_and_whole(demo):
    told = demo.get("/openapi.json").json()
    validate(told)
    assert told == openapi.describe(dispatcher, **{k: told["info"][k] for k in told["info"]})
    assert {"/library/{library_id}/book/{book_id}", "/store/till/{kind}", "/generator"} <= set(
        told["paths"]
    )


def test_the_reference_is_a_page_under_its_own_policy(demo):
    response = demo.get("/docs", headers={"Accept": "text/html"})
    assert "Write how many copies there are" in response.text
    assert "sha256-" in response.headers["Content-Security-Policy"]


def test_the_reference_is_found_with_a_slash_too(demo):
    moved = demo.get("/docs/", headers={"Accept": "text/html"})
    assert (moved.status_code, moved.headers["Location"]) == (301, "http://127.0.0.1/docs")
    assert demo.get("/books/").status_code == 404


def test_a_query_that_is_no_utf_8_is_a_400(demo):
    assert demo.get("/books?q=%FF").status_code == 400
    assert demo.get("/books?q=a;start=3").status_code == 200


def test_a_post_without_a_length_is_no_411(demo):
    assert demo.request("POST", "/generator").status_code == 201


def test_a_form_is_a_form_in_any_case(demo):
    headers = {"Content-Type": "Application/X-Www-Form-Urlencoded"}
    response = demo.put("/generator", data=b"another_string=a", headers=headers)
    assert response.status_code == 200


def test_a_form_of_no_parts_has_no_fields(demo):
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    assert demo.post("/generate", data=b"--x--\r\n", headers=headers).status_code == 200


def test_what_is_gone_has_no_media_type(demo):
    assert "Content-Type" not in demo.delete("/generator").headers


def test_a_name_is_in_the_path_or_nowhere(demo):
    path = "/library/12/book/15"
    assert demo.put(path, data={"copies": "1", "library_id": "3"}).status_code == 400


def test_a_file_takes_no_post(demo):
    response = demo.post("/static/style.css")
    assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD")
    assert demo.head("/static/style.css").status_code == 200
