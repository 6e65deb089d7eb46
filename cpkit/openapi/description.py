"""Describe what a dispatcher serves, as OpenAPI 3.1 has it."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import cherrypy

from cpkit.cherry import Part, behind
from cpkit.errors import AnnotationError, SettingError
from cpkit.negotiation.settings import AcceptSettings
from cpkit.parameters.columns import Json
from cpkit.parameters.plan import ABSENT, Plan
from cpkit.parameters.receiving import documents_of
from cpkit.parameters.settings import WITH_FORMS, BodySettings, ParamsSettings
from cpkit.parameters.shapes import Schema
from cpkit.parameters.signature import hint_of, plan_of
from cpkit.routing.table import METHODS, Operation, RouteTable, operations
from cpkit.settings import read

from .additions import additions_of
from .paths import DESCRIBED, Names, Paths, kinds_of, path_parameter, paths_of
from .requests import document_body, form_body, format_parameter, query_parameters
from .responses import PROBLEM_SCHEMA, components, responses_of, statuses_of
from .schemas import Schemas

Config = Mapping[str, Any]
VERSION = "3.1.1"


def describe(
    dispatcher: RouteTable,
    *,
    title: str,
    version: str,
    description: str | None = None,
    config: Mapping[str, Config] | None = None,
) -> Schema:
    """Return the OpenAPI description of what *dispatcher* serves, ready for JSON.

    *config* is that of the application, section by section; unless given, of the one that is
    mounted with this dispatcher, whose mount point becomes the server's URL. Left out are
    handlers that are hidden, redirections, what a URL names (``{controller}``), routes that an
    earlier one keeps from matching, and methods that OpenAPI has no place for, as PROPFIND. Raise
    AnnotationError for a handler whose annotations cannot be read, SettingError for what is no
    RoutesDispatcher of cpkit's, and for a type in ``responses`` that no schema describes.
    """
    check_dispatcher(dispatcher)
    mount = "/"
    if config is None:
        mount, config = application_of(dispatcher) or ("", {})
    schemas, paths, ids = Schemas(), Paths(), set[str]()
    shadowed = {id(route) for route, _ in getattr(dispatcher.mapper, "shadowed", tuple)()}
    for each in operations(dispatcher):
        if not additions_of(each.handler).hidden and id(each.target.route) not in shadowed:
            _add(paths, each, _config(each, config), schemas, ids)
    info: Schema = {"title": title, "version": version}
    if description:
        info["description"] = description
    document: Schema = {
        "openapi": VERSION,
        "info": info,
        "servers": [{"url": mount or "/"}],
        "paths": paths.items,
        "components": {"responses": components(), "schemas": {"Problem": PROBLEM_SCHEMA}},
    }
    return schemas.finish(document)


def check_dispatcher(dispatcher: object) -> None:
    """Raise SettingError for what has no routes to describe."""
    if not isinstance(dispatcher, RouteTable):
        remedy = "Only what a RoutesDispatcher of cpkit's serves is described: give one."
        raise SettingError("dispatcher", dispatcher, remedy)


def application_of(dispatcher: RouteTable) -> tuple[str, Mapping[str, Config]] | None:
    """Return the mount point and the config of the application that *dispatcher* is for."""
    for mount, app in cherrypy.tree.apps.items():
        config: Mapping[str, Config] = getattr(app, "config", {})
        used = (section.get("request.dispatch") for section in config.values())
        if any(each is dispatcher for dispatch in used for each in behind(dispatch)):
            return mount, config
    return None


def _config(each: Operation, sections: Mapping[str, Config]) -> Config:
    """Return the config of an operation's requests, as the dispatcher merges it."""
    merged = {**cherrypy.config, **sections.get("/", {}), **each.config}
    for names in each.target.sections:
        for name in names:
            merged.update(sections.get(name, {}) if name != "/" else {})
    return merged


def _add(paths: Paths, each: Operation, config: Config, schemas: Schemas, ids: set[str]) -> None:
    methods = (method for method in METHODS if method != "HEAD")  # which comes with GET
    for method in methods if each.method is None else (each.method,):
        for path in paths_of(each.target.route) if method in DESCRIBED else ():
            here, names = paths.at(path)
            if method.lower() not in here:  # else an earlier route answers
                described = _Described(each, method, names, config, schemas)
                here[method.lower()] = described.operation(ids)


class _Described:
    """One operation in the making."""

    def __init__(
        self, each: Operation, method: str, names: Names, config: Config, schemas: Schemas
    ) -> None:
        self.each, self.method, self.names = each, method, names
        self.config, self.schemas, self.handler = config, schemas, each.handler
        self.added = additions_of(each.handler)
        self.body = _settings("body", BodySettings, config)
        self.documents = documents_of(each.handler, self.body.parameter) if self.body else None
        self.plan = self._plan()

    def _plan(self) -> Plan | None:
        settings = _settings("params", ParamsSettings, self.config)
        if settings is None:
            return None
        body = [self.body.parameter] if self.body and self.documents else []
        self.forms = settings.form
        return plan_of(self.handler, skip=[*settings.skip, *body], file=Part)

    def operation(self, ids: set[str]) -> Schema:
        """Return the operation object."""
        told: Schema = {"operationId": self._id(ids), **self._words()}
        parameters, body = self._parameters(), self._request_body()
        if parameters:
            told["parameters"] = parameters
        if body:
            told["requestBody"] = body
        statuses = statuses_of(
            self.method,
            self.config,
            variables=bool(self.names),
            typed=self.plan is not None,
            form=bool(body) and self.documents is None,
            document=self.documents is not None,
        )
        told["responses"] = responses_of(
            self.handler,
            _returned(self.handler),
            self.method,
            self.config,
            self.added,
            self.schemas,
            statuses,
        )
        return told

    def _words(self) -> Schema:
        doc = _doc_of(self.handler)
        first, _, rest = doc.partition("\n")
        words: Schema = {"tags": list(self._tags())}
        if summary := self.added.summary or first.rstrip("."):
            words["summary"] = summary
        if rest.strip():
            words["description"] = rest.strip()
        return {**words, "deprecated": True} if self.added.deprecated else words

    def _tags(self) -> Iterator[str]:
        owner = getattr(self.handler, "__self__", None)
        if self.added.tags or owner is None:
            yield from self.added.tags
        else:
            yield (owner if isinstance(owner, type) else type(owner)).__name__

    def _id(self, ids: set[str]) -> str:
        name = self.added.operation_id or self.each.target.route.name
        if not name:
            name = getattr(self.handler, "__name__", type(self.handler).__name__)
        base = re.sub(r"\W+", "_", str(name))
        for made in (base, f"{base}_{self.method.lower()}"):
            if made not in ids:
                break
        number = 2
        while made in ids:
            made, number = f"{base}_{self.method.lower()}_{number}", number + 1
        ids.add(made)
        return made

    def _parameters(self) -> list[Json]:
        route, plan = self.each.target.route, self.plan
        kinds, reqs = kinds_of(route), route.reqs
        found: list[Json] = [
            {**path_parameter(name, reqs.get(name), plan, kinds[name]), "name": told}
            for name, told in self.names.items()
        ]
        if plan and not self._in_form:
            found.extend(query_parameters(plan, self._filled, self.schemas))
        asked = self.config.get("cpkit.accept.format_param")
        accept = _settings("accept", AcceptSettings, self.config) if asked else None
        told = format_parameter(accept) if accept else None
        if told and told["name"] not in {*self._filled, *(plan.named if plan else ())}:
            found.append(told)
        return found

    @property
    def _filled(self) -> set[str]:
        """Return the names that the route fills: variables, and defaults of the route."""
        return {*self.names, *self.each.target.route.defaults}

    @property
    def _in_form(self) -> bool:
        return self.documents is None and self.method in WITH_FORMS and self.forms

    def _request_body(self) -> Schema | None:
        if self.documents is not None and self.body is not None:
            decoded, default = self.documents
            return document_body(
                decoded, self.body, required=default is ABSENT, schemas=self.schemas
            )
        if self.plan and self._in_form:
            return form_body(self.plan, self._filled, self.schemas)
        return None


def _settings(name: str, kind: Any, config: Config) -> Any:
    """Return the settings of a tool if it is on."""
    prefix = f"cpkit.{name}."
    if not config.get(f"{prefix}on"):
        return None
    given = {key[len(prefix) :]: config[key] for key in config if str(key).startswith(prefix)}
    return read(name, kind, given)


def _doc_of(handler: Callable[..., Any]) -> str:
    """Return what is written of *handler*: of an object that is called, of its call first."""
    while isinstance(handler, functools.partial):
        handler = handler.func
    if not inspect.isroutine(handler):
        call = inspect.getattr_static(type(handler), "__call__", None)
        if inspect.isfunction(call) and call.__doc__:
            return inspect.cleandoc(call.__doc__)
    return inspect.getdoc(handler) or ""


def _returned(handler: Callable[..., Any]) -> object:
    try:
        return hint_of(handler, "return")
    except AnnotationError:  # of a handler that no tool reads
        return Any
