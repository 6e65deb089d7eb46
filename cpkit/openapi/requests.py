"""What an operation takes: parameters of the query, a form, a document."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from cpkit.negotiation import negotiate
from cpkit.negotiation.settings import FORMATS, AcceptSettings, listed
from cpkit.parameters.columns import Json
from cpkit.parameters.documents import Documents
from cpkit.parameters.forms import FILES
from cpkit.parameters.plan import ABSENT, Parameter, Plan
from cpkit.parameters.settings import FORM, BodySettings, is_json
from cpkit.parameters.shapes import Scalar, Schema, Upload, plain
from cpkit.serving.limits import Limits

from .schemas import Schemas

_EMPTY: Schema = {"enum": [""]}
_EMPTY_OF_SEVERAL: Schema = {"enum": ["", [""]]}  # which a client writes alike
_TEXTS: Schema = {  # what a parameter without an annotation gets
    "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]
}
_FILES = (
    f"At most {Limits().max_files} files, unless a guard says otherwise."  # which no schema says
)
_SOME: Schema = {"minLength": 1}  # what is known of bytes that an application's parser reads


def query_parameters(plan: Plan, path: Collection[str], schemas: Schemas) -> Iterator[Schema]:
    """Yield the parameters that a query holds."""
    for name, parameter in plan.named.items():
        if name not in path:
            schema = value_schema(parameter, schemas)
            whole = _with_default(schema, parameter) if schema else _texts(parameter)
            yield {
                "name": name,
                "in": "query",
                "required": not parameter.optional,
                **_described(whole),
                "schema": whole,
            }
    if plan.others is not None:
        values = value_schema(plan.others, schemas) or dict(_TEXTS)
        schema = {"type": "object", "additionalProperties": values}
        yield {
            "name": plan.others.name,
            "in": "query",
            "required": False,
            "explode": True,
            "schema": schema,
        }


def format_parameter(settings: AcceptSettings) -> Schema | None:
    """Return the parameter that asks for a media type in the place of Accept, if there is one."""
    formats, offers = settings.formats or FORMATS, listed(settings.media or ())
    names: list[Json] = [name for name, kind in formats.items() if negotiate(kind, offers)]
    if settings.format_param is None or not names:
        return None
    text = "The form of the answer; it counts for more than Accept."
    schema: Schema = {"type": "string"}
    if settings.on_none != "first":  # which answers whatever is asked
        schema["enum"] = names
    asked: Schema = {"name": settings.format_param, "in": "query", "required": False}
    return {**asked, "description": text, "schema": schema}


def value_schema(parameter: Parameter, schemas: Schemas) -> Schema:
    """Return the schema of one parameter's text, or texts."""
    scalar = parameter.scalar
    each: Schema = {}
    if isinstance(scalar, Scalar):
        each = {**scalar.text_schema(), **scalar.extra}
    elif isinstance(scalar, Upload):
        each = scalar.schema(schemas.ref)
    if parameter.listed is None:
        return each
    bounds, extra = parameter.listed.bounds(), parameter.listed.extra
    if not parameter.optional:
        bounds.setdefault("minItems", 1)  # a list of nothing is one that is not sent
    return {"type": "array", "items": each, **bounds, **extra}


def _texts(parameter: Parameter) -> Schema:
    """Return the schema of a parameter without an annotation; its default may be no text."""
    default = parameter.default
    return {**_TEXTS, "default": default} if isinstance(default, str) and default else {**_TEXTS}


def _described(schema: Schema) -> Schema:
    """Take the description out of a schema, for the parameter itself."""
    return {"description": schema.pop("description")} if "description" in schema else {}


def _with_default(schema: Schema, parameter: Parameter) -> Schema:
    default = None if parameter.default is ABSENT else plain(parameter.default)
    return schema if default in (None, "", [], {}) else {**schema, "default": default}


def form_body(plan: Plan, path: Collection[str], schemas: Schemas) -> Schema | None:
    """Return the request body that holds a form; None where no parameter is left for one.

    A form of several parts is taken as well, and told where there is a file to send.
    """
    taken = {name: each for name, each in plan.named.items() if name not in path}
    if not taken and plan.others is None:
        return None
    form = _form(taken, plan.others, schemas)
    files = any(isinstance(each.scalar, Upload) for each in taken.values())
    content: Schema = {FILES if files else FORM: {"schema": form}}
    told: Schema = {"description": _FILES} if files else {}
    return {"required": "required" in form, **told, "content": content}


def _form(taken: dict[str, Parameter], others: Parameter | None, schemas: Schemas) -> Schema:
    """Return the schema of a form's fields."""
    properties: dict[str, Json] = {
        name: _field(each, schemas, required=not each.optional) for name, each in taken.items()
    }
    required: list[Json] = [name for name, each in taken.items() if not each.optional]
    rest = _field(others, schemas) if others else False
    form: Schema = {"type": "object", "properties": properties, "additionalProperties": rest}
    return {**form, "required": required} if required else form


def _field(parameter: Parameter, schemas: Schemas, *, required: bool = False) -> Json:
    """Return the schema of a form's field; one that is left empty is one that is not there."""
    schema = _with_default(value_schema(parameter, schemas), parameter)
    if isinstance(parameter.scalar, Upload):
        return schema  # which is how clients know a file
    allowed = [schema]
    if parameter.listed is not None and parameter.listed.least <= 1:
        one = value_schema(Parameter(parameter.name, parameter.listed.item, ABSENT), schemas)
        allowed.append(one)  # one value is a list of one
        if required and _is_any_text(one):
            filled: Schema = {**one, "minLength": 1}
            allowed = [{**schema, "minItems": 2}, {**schema, "items": filled}, filled]
    elif required and _is_any_text(schema):
        allowed = [{**schema, "minLength": 1}]
    if not all(allowed):
        return {}
    if not required and not _is_any_text(schema):
        allowed.append(_EMPTY if parameter.listed is None else _EMPTY_OF_SEVERAL)
    return allowed[0] if len(allowed) == 1 else {"anyOf": [*allowed]}


def _is_any_text(schema: Schema) -> bool:
    """Tell whether the empty text is valid by *schema*, too."""
    bounds = schema.keys() & {"format", "pattern", "minLength"}
    return schema.get("type") == "string" and not bounds


def document_body(
    documents: Documents, settings: BodySettings, *, required: bool, schemas: Schemas
) -> Schema:
    """Return the request body that holds a document."""
    content: dict[str, Json] = {}
    for kind, parser in settings.parsers.items():
        if parser is not None:
            content[kind] = {"schema": dict(_SOME)} if required else {}
        elif is_json(kind):
            content[kind] = {"schema": documents.shape.schema(schemas.ref)}
        else:
            content[kind] = {"schema": _form(documents.fields.named, None, schemas)}
    most = f"At most {settings.max_bytes:,} bytes."  # which no schema says
    return {"required": required, "description": most, "content": content}
