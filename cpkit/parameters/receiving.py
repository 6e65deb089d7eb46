"""What the body tool does to a request: admit its document, and make the handler's value of it."""

from __future__ import annotations

import copy
import math
from functools import partial
from typing import Any, Protocol

import cherrypy

from cpkit.cherry import Handler, Hook, Request
from cpkit.errors import AnnotationError

from .columns import TooCostlyError
from .documents import Documents, MalformedDocumentError, Parser, WrongDocumentError
from .faults import Faults
from .forms import check_fields, is_empty, whole
from .media import check_coding, content_of
from .plan import ABSENT
from .reading import UnreadableError
from .refusals import InvalidRequest
from .remembered import Remembered
from .renewing import RENEW, Renewing, is_repeated
from .settings import FORM, JSON, BodySettings, is_json
from .signature import check_default, hint_of, name_of, parameter_of

ADMIT = 60  # a path that leads nowhere comes before (55), what the query says after it (65)
DECODE = 14  # before the form (15), so that what is decoded is not taken for a part of it
_FIXED = (str, int, float, bool, bytes, type(None))  # what no handler can change


class ReceivingRequest(Request, Protocol):
    """A request whose body is a document; ``document`` are its bytes."""

    body_parameter: str
    document: bytes
    received: Received


class Received:
    """What is known of the document of one request; *default*: ABSENT where it must be sent."""

    __slots__ = ("default", "documents", "form", "parser")

    def __init__(self, documents: Documents, default: object) -> None:
        self.documents, self.default = documents, default
        self.parser: Parser | None = None
        self.form = False

    def value(self, document: bytes) -> object:
        """Return the value that *document* writes; raises as :class:`Documents` does."""
        if self.form:
            return self.documents.from_form(document)
        if self.parser is None:
            return self.documents.from_json(document)
        return self.documents.parsed_by(self.parser, document)


class Receiving:
    """The documents of the requests that have the same settings."""

    def __init__(self, settings: BodySettings) -> None:
        self._name, self._max_bytes = settings.parameter, settings.max_bytes
        self._parsers = settings.parsers
        self._accept = ", ".join(self._parsers)
        most = settings.most_values
        self._known = Remembered(partial(documents_of, form=FORM in self._parsers, most=most))
        # PERF: made once; they find what they need on the request that is served.
        self._admit = Hook(self.admit, False, ADMIT)
        self._decode = Hook(self.decode, False, DECODE)
        self._renew = Hook(self.renew, False, RENEW)

    def begin(self, asked: Request) -> None:
        """Have the body of the request read, if its page handler takes one."""
        handler = getattr(asked.handler, "callable", None)
        known = None if handler is None else self._known.of(handler, self._name)
        if known is None:
            return
        request: Any = asked
        request.body_parameter = self._name
        request.received = Received(*known)
        request.hooks["before_request_body"].append(self._admit)
        request.hooks["before_handler"].append(self._decode)

    def admit(self) -> None:
        """Refuse a media type that nothing reads, and a document that is too long."""
        request: ReceivingRequest = cherrypy.serving.request
        request.document = b""
        if is_repeated(request):
            request.hooks["before_handler"].append(self._renew)
        if is_empty(request):
            request.process_request_body = False  # CherryPy would ask for a length, with a 411
            return
        request.received.parser = self._parser(request)
        body = request.body
        if (body.length or 0) > self._max_bytes:
            raise self._too_long()
        request.process_request_body = True
        body.processors = {}
        body.default_proc = self._read_document

    def _parser(self, request: ReceivingRequest) -> Parser | None:
        field = dict.get(request.headers, "Content-Type")
        if field in self._parsers and not dict.__contains__(request.headers, "Content-Encoding"):
            request.received.form = field == FORM
            return self._parsers[field]  # PERF: as most clients write it
        check_coding(request, self._accept)
        content = content_of(request)
        if content is None:
            raise InvalidRequest(415, self._offer, Accept=self._accept)
        if content.kind != FORM:  # which has no parameters: it is UTF-8 (WHATWG URL)
            content.check_charset(self._accept)
        if content.kind in self._parsers:
            request.received.form = content.kind == FORM
            return self._parsers[content.kind]
        if JSON in self._parsers and is_json(content.kind):
            return self._parsers[JSON]
        raise InvalidRequest(415, self._offer, Accept=self._accept)

    @property
    def _offer(self) -> str:
        return f"Send {self._accept}."

    def _too_long(self) -> InvalidRequest:
        return InvalidRequest(413, f"The body is longer than {self._max_bytes} bytes.")

    def _read_document(self) -> None:
        """Read the document, in CherryPy's place."""
        request: ReceivingRequest = cherrypy.serving.request
        body = request.body
        body.fp.maxbytes = self._max_bytes
        try:
            request.document = whole(body)
        except cherrypy.HTTPError as error:
            raise (self._too_long() if error.code == 413 else error) from error
        if request.received.form:
            check_fields(request.document)

    def decode(self) -> None:
        """Put the value of the document into the handler's parameter."""
        request: ReceivingRequest = cherrypy.serving.request
        received, faults = request.received, Faults()
        if not request.document:
            if received.default is ABSENT:
                faults.add("body", "", "is missing")
                raise InvalidRequest(400, faults=faults)
            request.params[self._name] = copy.deepcopy(received.default)
            return
        try:
            value = received.value(request.document)
        except MalformedDocumentError as error:
            faults.add("body", "", f"is malformed: {error}".rstrip("."))
            raise InvalidRequest(400, faults=faults) from error
        except TooCostlyError as error:
            raise InvalidRequest(413, "The document has too many values.") from error
        except WrongDocumentError as error:
            # A form is told as a query is, since nothing but its text can be wrong.
            status = 400 if received.form else 422
            raise InvalidRequest(status, faults=error.faults) from error
        request.params[self._name] = value

    def renew(self) -> None:
        """Have the handler called with a value of its own, should it be called again."""
        request: ReceivingRequest = cherrypy.serving.request
        changeable = not isinstance(request.params.get(self._name), _FIXED)
        if changeable and request.handler is not None:
            request.handler = Renewing(self.decode, request.handler)


def documents_of(
    handler: Handler, name: str, *, form: bool = False, most: float = math.inf
) -> tuple[Documents, object] | None:
    """Return what decodes the value of the parameter *name*, and its default, ABSENT without one.

    None: *handler* has no such parameter. *most* is what a document may cost. Raise
    AnnotationError for a parameter that cannot be read.
    """
    parameter = parameter_of(handler, name)
    if parameter is None:
        return None
    annotation = hint_of(handler, name)
    try:
        documents = Documents(annotation, most)
        if form:
            documents.fields.unnamed()  # what no form writes is refused now
        if parameter.default is parameter.empty:
            return documents, ABSENT
        check_default(parameter.default, annotation)
        return documents, parameter.default
    except UnreadableError as error:
        raise AnnotationError(name_of(handler), name, str(error)) from error
