"""Every error keeps its data and its text when it is copied or sent to another process."""

import copy
import inspect
import pickle

import pytest

from cpkit import errors

EXAMPLES = {
    "template": "/a/{b}",
    "name": "book",
    "problem": "there is no such thing",
    "remedy": "Write another.",
    "setting": "cpkit.accept.media",
    "value": ["text"],
    "tool": "accept",
    "known": ("media", "errors"),
    "key": "cpkit.accept.media",
    "place": "[/] of /shop",
    "reason": "it is none",
    "unit": "characters",
    "found": 9000,
    "limit": 8192,
    "element": "html",
    "offer": "html",
    "expected": "a media type",
    "example": "text/html",
    "body": {"a": 1},
    "content_type": "text/html",
    "retry_after": 7,
    "statement": "DELETE FROM book",
    "lease": 30.0,
    "package": "SQLAlchemy",
    "extra": "db",
    "path": "book",
    "url": "http://127.0.0.1/",
    "code": 70,
    "entry": "example.org",
    "handler": "shop:Books.book",
    "parameter": "number",
    "argument": "data",
}
CLASSES = [it for it in vars(errors).values() if inspect.isclass(it) and issubclass(it, Exception)]


def example(kind):
    """Return an error of this class, and its data by name."""
    if "__init__" not in {name for it in kind.__mro__[:-3] for name in vars(it)}:
        return kind(), {}
    data = {name: EXAMPLES[name] for name in inspect.signature(kind).parameters}
    return kind(*data.values()), data


def through_pickle(error):
    return pickle.loads(pickle.dumps(error))


def through_pickle_of_old(error):
    return pickle.loads(pickle.dumps(error, 0))


WAYS = [through_pickle, through_pickle_of_old, copy.copy, copy.deepcopy]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_an_error_that_is_copied_says_and_holds_the_same(kind, way):
    error, data = example(kind)
    copied = way(error)
    assert type(copied) is kind
    assert (str(copied), copied.args) == (str(error), error.args)
    assert {name: getattr(copied, name) for name in data} == data


def test_data_that_cannot_be_pickled_are_sent_as_text():
    error = errors.SettingError("accept.errors", lambda told: told, "set it to True.")
    sent = through_pickle(error)
    assert sent.value == repr(error.value)
    assert (sent.setting, sent.remedy) == ("accept.errors", "set it to True.")


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_an_error_is_described_by_a_noun_phrase_and_is_one_of_ours(kind):
    assert issubclass(kind, errors.CpkitError)
    assert kind.__doc__.split()[0] in {"A", "An", "Any", "What", "Redirections"}
