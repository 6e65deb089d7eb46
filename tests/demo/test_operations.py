"""What those who run the demo rely on."""

import json as jsonlib
import logging
import time

import pytest

from demo.app import assemble

PATHS = [
    "/",
    "/hello",
    "/library/12/book/15",
    "/nowhere",
    "/generate?length=x",
    "/static/style.css",
]


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_carries_the_security_headers(demo, path):
    headers = demo.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize(
    ("site", "status"),
    [("cross-site", 403), ("same-site", 403), ("same-origin", 303), ("none", 303), (None, 303)],
)
def test_another_sites_page_changes_nothing(demo, site, status):
    headers = {"Sec-Fetch-Site": site} if site else {}
    sent = demo.post("/library/12/book/15", data={"copies": "1"}, headers=headers)
    assert sent.status_code == status
    assert demo.get("/library/12/book/15", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("site", "status"),
    [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)],
)
def test_a_page_of_another_site_changes_nothing(demo, site, status):
    note = {"copies": "1", "note": site}
    response = demo.put("/library/12/book/15", data=note, headers={"Sec-Fetch-Site": site})
    assert response.status_code == status
    assert (site in demo.get("/library/12/book/15").text) is (status == 200)
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]


def test_a_link_on_a_page_of_another_site_works(demo):
    assert demo.get("/", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


def test_an_unexpected_error_is_a_page_without_a_traceback(demo, cp_engine):
    demo.raise_exceptions = False
    cp_engine.timing.unsubscribe()
    response = demo.get("/timing", headers={"Accept": "text/html"})
    assert response.status_code == 500
    assert "Traceback" not in response.text
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/nowhere", "/library/12/book/15"])
def test_an_accept_field_too_large_is_told_as_a_problem(demo, path):
    response = demo.get(path, headers={"Accept": "a" * 9000})
    assert response.status_code in (404, 431)
    assert response.headers["Content-Type"] == "application/problem+json"


def healthy(client):
    """Return the answer of a process once it is healthy: where a machine stops, it is not."""
    until = time.monotonic() + 120
    while (response := client.get("/healthz")).status_code != 200:
        assert time.monotonic() < until
        time.sleep(0.05)
    return response


def test_a_healthy_process_says_so(demo):
    response = healthy(demo)
    assert (response.json()["status"], response.json()["checks"]["db"]) == ("ok", "ok")
    assert "db_client_connection_count{" in demo.get("/metrics").text
    assert response.headers["Cache-Control"] == "no-store"


def test_a_process_without_its_database_is_a_503(demo, cp_engine):
    cp_engine.db.stop()
    response = demo.get("/healthz")
    assert response.status_code == 503
    assert (response.json()["status"], response.json()["down"]) == ("down", ["db"])


def test_a_database_server_that_goes_is_a_503_until_it_is_back(cp_engine, cp_client, postgres):
    assemble(postgres.url)
    cp_engine.staff.frequency = 0
    cp_engine.start()
    assert cp_client.get("/library/12/book/15").status_code == 200
    postgres.stop()
    cp_engine.db.timeout = 0.3
    try:
        assert cp_client.get("/healthz").status_code == 503
        refused = cp_client.get("/library/12/book/15")
        assert refused.status_code == 503
        assert int(refused.headers["Retry-After"]) > 0
    finally:
        postgres.start()
    cp_engine.db.timeout = 20
    healthy(cp_client)
    assert cp_client.get("/library/12/book/15").status_code == 200


def test_what_is_written_is_the_same_on_postgresql(cp_engine, cp_client, postgres, json):
    assemble(postgres.url)
    cp_engine.staff.frequency = 0
    cp_engine.start()
    for path, first, second in (
        ("/library/12/book/15", {"copies": "7"}, {"copies": "8"}),
        ("/generator", {"another_string": "one"}, {"another_string": "two"}),
    ):
        cp_client.put(path, data=first)
        seen = {**json, "If-Match": cp_client.get(path, headers=json).headers["ETag"]}
        answers = [cp_client.put(path, data=each, headers=seen) for each in (second, first)]
        assert [answer.status_code for answer in answers] == [200, 412]
    order = {
        "pie": "1",
        "order": cp_client.get("/store/till/regular", headers=json).json()["order"],
    }
    paid = [cp_client.post("/store/till/regular", data=order, headers=json) for _ in range(2)]
    assert [answer.status_code for answer in paid] == [201, 201]
    assert cp_client.get("/store/till/regular", headers=json).json()["shelves"][6]["stock"] == 7
    cp_engine.staff.round()
    assert cp_client.get("/generator").text == "two"


def test_metrics_count_requests_by_template(demo):
    demo.get("/library/12/book/15")
    metrics = demo.get("/metrics").text
    assert 'http_route="/library/{library_id}/book/{book_id}"' in metrics
    assert "http_server_request_duration_seconds_bucket" in metrics


@pytest.mark.parametrize("accept", ["text/html", "application/json", "text/plain"])
def test_the_timing_report_has_three_forms(demo, accept):
    demo.get("/library/12/book/15")
    response = demo.get("/timing", headers={"Accept": accept})
    assert response.headers["Content-Type"].startswith(accept)
    assert "/library/{library_id}/book/{book_id}" in response.text


def test_the_report_has_a_style_with_the_colour_of_each_phase(demo):
    style = demo.get("/timing.css")
    assert style.headers["Content-Type"].startswith("text/css")
    assert ".phase-handler { background: #" in style.text


def test_the_access_log_is_json_and_keeps_secrets(demo, caplog):
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with caplog.at_level(logging.INFO):
        demo.get(
            "/library/12/book/15?password=hunter2",
            headers={"traceparent": trace, "Cookie": "a=hunter2", "User-Agent": 'a "quoted" one'},
        )
    lines = [one.message for one in caplog.records if one.name.startswith("cherrypy.access")]
    entry = jsonlib.loads(lines[-1])
    assert "hunter2" not in lines[-1]
    assert entry["route"] == "/library/{library_id}/book/{book_id}"
    assert (entry["method"], entry["path"]) == ("GET", "/library/12/book/15")
    assert (entry["agent"], entry["trace"]) == ('a "quoted" one', trace)
    assert entry["ms"] > 0
