"""Descriptions of one handler, which are always looked at by openapi-spec-validator."""

from openapi_spec_validator import validate

from cpkit import openapi
from cpkit.dispatchers import RoutesDispatcher


def described(name="it", route="/it", handler=None, methods=("GET",), config=None, **options):
    """Return the operations of one path, by method."""

    class Pages:
        pass

    Pages.handler = handler
    dispatcher = RoutesDispatcher()
    conditions = {"method": list(methods)}
    dispatcher.connect(name, route, Pages(), action="handler", conditions=conditions, **options)
    told = openapi.describe(dispatcher, title="t", version="1", config={"/": config or {}})
    validate(told)
    return told


def only(told):
    """Return the one operation of a description."""
    ((_, methods),) = told["paths"].items()
    ((_, operation),) = methods.items()
    return operation
