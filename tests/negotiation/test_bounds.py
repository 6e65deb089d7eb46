"""What clients cannot do: take much time, fill the memory, or get anything but an offer."""

import gc
import pickle
import random
import re
import tracemalloc

import pytest

from cpkit.errors import FieldTooLargeError, InvalidOfferError, MalformedFieldError
from cpkit.negotiation import media_types, negotiate, negotiate_language
from cpkit.negotiation.fields import CACHED_CHARACTERS, CACHED_FIELDS, elements
from tests.serving.processor import takes_at_most

OFFERS = ["text/html", "application/json", "text/plain", "text/csv;header=present"]


def filled(unit, size, head="", tail=""):
    return head + unit * ((size - len(head) - len(tail)) // len(unit)) + tail


SHAPES = {
    "commas": (",",),
    "commas-and-a-quote": (",", "", '"'),
    "quotes": ('"',),
    "quote-pairs-and-one": ('"",', "", '"'),
    "escaped-quotes": ('\\"', 'a/b;x="'),
    "escaped-quotes-open": ('"\\', 'a/b;x="'),
    "backslashes": ("\\", 'a/b;x="'),
    "quoted-commas": (',"",', 'a/b;x="'),
    "types": ("a/b,",),
    "types-with-quote": ("a/b,", "", '"'),
    "semicolons": (";", "a/b"),
    "semicolons-and-a-quote": (";", "a/b", '"'),
    "quoted-semicolons": (";", 'a/b;x="'),
    "spaced-semicolons": (" ; ", "a/b"),
    "parameters": (";a=1", "a/b"),
    "parameters-quoted": (';a="1"', "a/b"),
    "parameters-unfinished": (";a", "a/b"),
    "letters": ("a",),
    "letters-then-slash": ("a", "", "/"),
    "slashes": ("/",),
    "spaces": (" ", "a/b", "x"),
    "tabs-and-commas": ("\t,",),
    "stars": ("*",),
    "digits": ("0", "a/b;q=0."),
    "hyphens": ("a-", "", "*"),
    "ranges-with-parameters": ('text/html;level="1",',),
    "beyond-latin": ("\U0001f600",),
}


@pytest.mark.parametrize("size", [8_192, 65_536, 512_000])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("ask", [negotiate, negotiate_language])
def test_a_hostile_field_costs_at_most_a_few_milliseconds(ask, shape, size):
    field = filled(SHAPES[shape][0], size, *SHAPES[shape][1:])
    offers = OFFERS if ask is negotiate else ["en", "fr"]

    def asked():
        try:
            assert ask(field, offers) in [*offers, None]
        except FieldTooLargeError:
            assert size > 8_192 or field.count(",") > 128

    assert takes_at_most(0.005, asked)  # a quadratic parse of 64 KB takes seconds


def test_128_elements_are_read_and_129_refused():
    assert len(elements("a/b," * 128)) == 128
    with pytest.raises(FieldTooLargeError, match="129 elements") as refused:
        negotiate("a/b," * 129, OFFERS)
    assert (refused.value.found, refused.value.limit) == (129, 128)


def test_8192_characters_are_read_and_8193_refused():
    assert negotiate("text/plain" + " " * 8182, OFFERS) == "text/plain"
    with pytest.raises(FieldTooLargeError, match="8193 characters"):
        negotiate("text/plain" + " " * 8183, OFFERS)


def test_the_limits_hold_in_quoted_strings_too():
    assert negotiate('a/b;x="' + "," * 500 + '", text/html', OFFERS) == "text/html"
    with pytest.raises(FieldTooLargeError):
        negotiate('a/b;x="1",' * 129, OFFERS)


def test_the_cache_is_bounded_in_entries_and_bytes():
    choice = random.Random(9110)
    gc.collect()
    media_types._CHOSEN.clear()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(1500):
        length = choice.choice([40, CACHED_CHARACTERS, 512, 8_000, 500_000])
        field = f"text/html;q=0.{number}, a/" + "x" * (length - 30)
        try:
            negotiate(field, OFFERS)
        except FieldTooLargeError:
            assert length > 8_192
    for number in range(2 * CACHED_FIELDS):
        negotiate(f"a/{number:0{CACHED_CHARACTERS - 2}}", OFFERS)
    gc.collect()
    held = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert len(media_types._CHOSEN) <= 256
    assert CACHED_CHARACTERS <= 512
    assert held <= 200_000


def test_a_field_beyond_ascii_is_never_a_key():
    media_types._CHOSEN.clear()
    negotiate("text/\U0001f600", OFFERS)
    assert len(media_types._CHOSEN) == 0


@pytest.mark.parametrize(
    "offer", ["", "html", "text/", "text/*", "*/*", "*", "text/html;q=0.5", "text/html;x", 5]
)
def test_an_offer_that_no_field_can_ask_for_is_refused(offer):
    with pytest.raises(InvalidOfferError, match="media type") as refused:
        negotiate(None, ["text/plain", offer])
    assert refused.value.offer == offer


def test_no_offers_is_none():
    assert negotiate(None, []) is None
    assert negotiate("*/*", []) is None
    assert negotiate("", []) is None


def test_one_offer_may_be_a_string_and_a_mapping_offers_its_keys():
    assert negotiate("text/*", "text/html") == "text/html"
    assert negotiate("text/*", {"application/json": 1, "text/html": 2}) == "text/html"


@pytest.mark.parametrize(
    "error",
    [
        FieldTooLargeError("elements", 129, 128),
        MalformedFieldError("text"),
        InvalidOfferError("html", "a media type", "text/html"),
    ],
)
def test_the_errors_survive_pickling_with_their_data(error):
    copy = pickle.loads(pickle.dumps(error))
    assert (vars(copy), str(copy)) == (vars(error), str(error))


def test_the_message_shows_no_more_than_the_head_of_an_element():
    assert len(str(MalformedFieldError("x" * 8_000))) < 200
    assert re.match(r"The element 'x+' is malformed", str(MalformedFieldError("x" * 100)))
