"""The errors of the fixtures: pytest-xdist and others pickle them."""

import pickle

import pytest

from cpkit.errors import EngineExitError, NotAPathError, TooManyRedirectsError


@pytest.mark.parametrize(
    "error",
    [NotAPathError("books"), TooManyRedirectsError("/a", 20), EngineExitError(70)],
    ids=repr,
)
def test_an_error_survives_being_pickled(error):
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))
