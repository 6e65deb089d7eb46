"""The superstore: its dispatcher, its tool, its plugin."""

import re

import pytest
import sqlalchemy as sa

from demo.store.discount import price
from demo.store.stock import SHELVES
from demo.store.tills import choose_till

TILL = "/store/till/regular"


@pytest.mark.parametrize(
    ("customer", "till"),
    [
        ({"items": "9"}, "basket"),
        ({"items": "0"}, "basket"),
        ({"items": "10"}, "regular"),
        ({"items": "-1"}, "regular"),
        ({"items": "9" * 5000}, "regular"),
        ({"items": "٣"}, "regular"),
        ({"items": ["3", "4"]}, "regular"),
        ({}, "regular"),
        ({"items": "3", "card": "yes"}, "store-card"),
        ({"items": "3", "card": "yes", "priority": "yes"}, "priority"),
    ],
)
def test_the_dispatcher_chooses_the_till(customer, till):
    assert choose_till(customer) == till


@pytest.mark.parametrize(
    ("query", "till"), [("items=3", "basket"), ("items=30", "regular"), ("card=1", "store-card")]
)
def test_a_customer_comes_to_the_till_that_suits(demo, json, query, till):
    assert demo.get(f"/store/till?{query}", headers=json).json()["kind"] == till


def test_the_query_cannot_name_another_till(demo, json):
    refused = demo.get("/store/till?items=3&kind=store-card", headers=json)
    assert (refused.status_code, refused.json()["detail"]) == (400, "kind is unknown.")


def test_a_basket_is_sold_at_the_entrance_too(demo, json):
    receipt = demo.post("/store/till?card=1", data={"pie": "2"}, headers=json).json()
    assert (receipt["kind"], receipt["cents"]) == ("store-card", 1764)


def test_a_basket_may_be_a_document(demo, json):
    receipt = demo.post(TILL, json={"pie": 2, "tea": 0}, headers=json).json()
    assert (receipt["bought"], receipt["cents"]) == ({"pie": 2}, 1960)
    refused = demo.post(TILL, json={"pie": "2", "unicorn": 1}, headers=json)
    assert refused.status_code == 422
    assert [each["name"] for each in refused.json()["errors"]] == ["/pie", "/unicorn"]


@pytest.mark.parametrize(("kind", "cents"), [("regular", 1960), ("store-card", 1764)])
def test_only_card_holders_get_the_discount(demo, json, kind, cents):
    receipt = demo.post(f"/store/till/{kind}", data={"pie": "2"}, headers=json).json()
    assert receipt["cents"] == cents


def test_a_price_is_rounded_in_the_customers_favour():
    assert price(999, 10) == 899


def test_what_is_sold_leaves_the_shelf(demo, json):
    demo.post(TILL, data={"bread": "3", "tea": "1"})
    stock = {s["item"]: s["stock"] for s in demo.get("/store", headers=json).json()["shelves"]}
    assert (stock["bread"], stock["tea"], stock["milk"]) == (17, 15, 24)


def test_a_basket_is_sold_whole_or_not_at_all(demo, json):
    response = demo.post(TILL, data={"bread": "3", "pie": "9"}, headers=json)
    assert response.status_code == 409
    assert "9 pie" in response.json()["detail"]
    shelves = demo.get("/store", headers=json).json()["shelves"]
    assert [s["stock"] for s in shelves] == [s.stock for s in SHELVES]


@pytest.mark.parametrize(
    ("kind", "basket", "status", "said"),
    [
        ("regular", {}, 409, "The basket is empty."),
        ("regular", {"tea": "0"}, 409, "The basket is empty."),
        ("regular", {"unicorn": "1"}, 400, "unicorn is unknown."),
        ("regular", {"tea": "many"}, 400, "tea must be a whole number from 0 to 20."),
        ("basket", {"tea": "6", "milk": "4"}, 409, "This till takes under 10 items."),
    ],
)
def test_what_a_till_does_not_take_is_refused(demo, json, kind, basket, status, said):
    response = demo.post(f"/store/till/{kind}", data=basket, headers=json)
    assert response.status_code == status
    assert response.json()["detail"].startswith(said)


def test_an_unknown_till_is_a_404_that_names_those_there_are(demo, json):
    response = demo.get("/store/till/gold", headers=json)
    assert response.status_code == 404
    assert "basket, priority, regular, store-card" in response.json()["detail"]


def test_the_staff_restock_what_is_less_than_half_full(demo, cp_engine, json):
    demo.post(TILL, data={"pie": "5", "tea": "2"})
    cp_engine.staff.round()
    stock = {s["item"]: s["stock"] for s in demo.get("/store", headers=json).json()["shelves"]}
    assert (stock["pie"], stock["tea"]) == (8, 14)


def test_the_staff_clear_away_old_strings(demo, cp_engine, monkeypatch):
    demo.post("/generator")
    monkeypatch.setattr("demo.store.staff.LIFETIME", -1)
    cp_engine.staff.round()
    assert demo.get("/generator").status_code == 404


def test_the_staff_leave_the_string_of_a_visitor_who_stays(demo, cp_engine):
    made = demo.post("/generator").text
    with cp_engine.db.begin() as connection:
        connection.execute(sa.text("UPDATE strings SET written = written - 4000"))
    cp_engine.staff.round()
    assert demo.get("/generator").text == made


def test_the_staff_wait_for_a_database_that_is_away(demo, cp_engine):
    cp_engine.db.stop()
    cp_engine.staff.round()


@pytest.mark.parametrize("accept", ["text/html", "text/plain", "application/json"])
def test_the_store_has_three_forms(demo, accept):
    headers = {"Accept": accept}
    paid = demo.post("/store/till/store-card", data={"pie": "1"}, headers=headers)
    for answer in (
        demo.get("/store", headers=headers),
        demo.get("/store/till/store-card", headers=headers),
        demo.get(paid.headers["Location"], headers=headers),
    ):
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith(accept)


@pytest.mark.parametrize(("accept", "status"), [("text/html", 303), ("application/json", 201)])
def test_an_order_that_is_sent_twice_is_paid_once(demo, json, accept, status):
    order = demo.get(TILL, headers=json).json()["order"]
    fields = {"pie": "2", "order": order}
    answers = [demo.post(TILL, data=fields, headers={"Accept": accept}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [status, status]
    assert {answer.headers["Location"] for answer in answers} == {
        f"http://127.0.0.1/store/receipt/{order}" if status == 303 else f"/store/receipt/{order}"
    }
    stock = {s["item"]: s["stock"] for s in demo.get("/store", headers=json).json()["shelves"]}
    assert stock["pie"] == 6


def test_an_order_that_is_paid_buys_nothing_else(demo, json):
    order = demo.get(TILL, headers=json).json()["order"]
    demo.post(TILL, data={"pie": "2", "order": order})
    fields = {"tea": "1", "order": order}
    refused = demo.post(TILL, data=fields, headers={"Accept": "text/html"})
    assert refused.status_code == 409
    assert "This order is paid. Send again to buy these as well." in refused.text
    (other,) = re.findall('name="order" value="(.*)"', refused.text)
    assert demo.post(TILL, data={**fields, "order": other}, headers=json).json()["cents"] == 410


def test_an_order_has_a_number_that_nobody_guesses(demo, json):
    orders = {demo.get(TILL, headers=json).json()["order"] for _ in range(5)}
    assert {len(order) for order in orders} == {32}
    assert len(orders) == 5
    refused = demo.post(TILL, data={"pie": "1", "order": "mine"}, headers=json)
    assert refused.status_code == 400


def test_a_receipt_that_is_not_there_is_a_404(demo):
    assert demo.get("/store/receipt/0").status_code == 404


def test_the_staff_clear_away_old_receipts(demo, cp_engine, monkeypatch):
    receipt = demo.post(TILL, data={"pie": "1"}).headers["Location"]
    monkeypatch.setattr("demo.store.staff.LIFETIME", -1)
    cp_engine.staff.round()
    assert demo.get(receipt).status_code == 404


def test_what_a_till_refuses_stays_in_the_form(demo):
    page = {"Accept": "text/html"}
    refused = demo.post(f"{TILL}?items=3", data={"pie": "9", "order": "0"}, headers=page)
    assert refused.status_code == 409
    assert f'action="{TILL}?items=3" method="post"' in refused.text
    assert 'name="pie" value="9"' in refused.text
    assert '<input type="hidden" name="order" value="0">' in refused.text
