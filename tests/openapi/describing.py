"""Descriptions of one handler, which are always looked at by openapi-spec-validator."""

from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from openapi_spec_validator import validate as validate_by
from openapi_spec_validator.schemas import schema_v31
from referencing import Registry

from cpkit import openapi
from cpkit.dispatchers import RoutesDispatcher


class Validator(OpenAPIV31SpecValidator):
    """openapi-spec-validator's, which knows the anchors of OpenAPI's schema.

    PERF: by itself it looks through all of the schema for each anchor that it is led to, which is
    nine tenths of its time.
    """

    schema_validator = Draft202012Validator(
        schema_v31, registry=Registry().with_contents([(schema_v31["$id"], schema_v31)]).crawl()
    )


def validate(told):
    """See that *told* is a description by OpenAPI 3.1; raise what is wrong with it."""
    validate_by(told, cls=Validator)


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
