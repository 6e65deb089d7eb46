"""Decode the documents of bodies: malformed ones and wrong ones are told apart."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property

import msgspec

from .columns import Column, Findings
from .containers import Record
from .faults import Fault, Faults, told_by
from .large_numbers import has_large_numbers, with_large_numbers
from .plan import ABSENT, Parameter, Plan, Value, shape_in
from .query import parsed
from .reading import UnreadableError, reading_of
from .shapes import Anything, Nullable, Scalar

Parser = Callable[[bytes], object]


class MalformedDocumentError(ValueError):
    """Raised for a document that breaks the grammar of its media type."""


class WrongDocumentError(ValueError):
    """Raised for a well-formed document of another shape; *faults* say where."""

    def __init__(self, faults: Faults) -> None:
        super().__init__(faults)
        self.faults = faults


_EMPTY = 3  # bytes of an object without members, and a comma


class Documents:
    """What makes values of one annotation from documents.

    *most* is what a document may cost beyond its bytes: its Decimals, and what defaults fill in.
    """

    def __init__(self, annotation: object, most: float = math.inf) -> None:
        self.annotation, self._most = annotation, most
        self.shape, costliest = reading_of(annotation)
        self._careful = self.shape.careful
        # PERF: bytes in which the defaults of so many objects cannot cost too much.
        self._short = _EMPTY * most / costliest if costliest else math.inf
        self.untyped = isinstance(self.shape, Anything)
        self._decoder = msgspec.json.Decoder(annotation)

    def from_json(self, document: bytes) -> object:
        """Return the value that a JSON text (RFC 8259) writes.

        Raise MalformedDocumentError, WrongDocumentError or TooCostlyError. A repeated name: its
        last member.
        """
        short = len(document) <= self._short
        try:
            if has_large_numbers(document):
                plain, infinite = with_large_numbers(document)
                return self.convert(plain, infinite=infinite)
            if short and not self._careful:
                try:
                    return self._decoder.decode(document)
                except msgspec.ValidationError:
                    # It stops at the first fault, and takes 1.0 for one: look at the whole.
                    return self.convert(msgspec.json.decode(document))
            return self.convert(msgspec.json.decode(document), brief=short)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise MalformedDocumentError(str(error)[:200]) from error
        except RecursionError as error:
            raise MalformedDocumentError("it is nested too deeply") from error

    def from_form(self, document: bytes) -> object:
        """Return the value that the fields of a form write, each by its own grammar.

        Raise MalformedDocumentError or WrongDocumentError. A field that was left empty is one
        that is not there.
        """
        try:
            given: dict[str, Value] = dict(parsed(document.decode()))
        except UnicodeDecodeError as error:
            raise MalformedDocumentError("it is no UTF-8") from error
        faults, fields = Faults(), self.fields
        for name in list(given):
            if name in fields.named:
                fields.fill(given, name, "form", faults)
            else:
                faults.add("form", name, "is unknown")
        fields.complete(given, (), "form", faults)
        if faults:
            raise WrongDocumentError(faults)
        try:
            return msgspec.convert(msgspec.to_builtins(given), self.annotation)
        except msgspec.ValidationError as error:
            raise WrongDocumentError(_fault(error, "form")) from error

    @cached_property
    def fields(self) -> Plan:
        """Return what reads a form. Raise UnreadableError for what no form writes."""
        shape = self.shape.inner if isinstance(self.shape, Nullable) else self.shape
        plan = Plan()
        for name, member in shape.members.items() if isinstance(shape, Record) else ():
            item = shape_in(member.shape)
            if not isinstance(item, Scalar):
                raise UnreadableError(f"no field of a form writes {name}: take a document for it")
            default = ABSENT if member.required else None
            plan.named[name] = Parameter(name, member.shape, default)
        if not plan.named:
            raise UnreadableError("a form is a Struct, a dataclass or a TypedDict")
        plan.finish()
        return plan

    def parsed_by(self, parser: Parser, document: bytes) -> object:
        """Return the value of what *parser* makes of the document; a ValueError: malformed."""
        try:
            plain = parser(document)
        except (ValueError, RecursionError) as error:
            raise MalformedDocumentError(str(error)[:200]) from error
        return plain if self.untyped else self.convert(plain)

    def convert(self, plain: object, *, infinite: bool = False, brief: bool = False) -> object:
        """Return the value of what a parser returned. Raise WrongDocumentError or TooCostlyError.

        An *infinite* number is wrong wherever it is. A *brief* search comes first where most
        documents are right.
        """
        findings = Findings(brief=brief, most=self._most)
        try:
            taken = self.shape.take(Column([plain], findings))  # type: ignore[list-item]
            if findings and not brief:
                raise WrongDocumentError(findings.told())
            if infinite:  # where there may be any number, or a member that nobody asks for
                raise WrongDocumentError(Faults([Fault("body", "", "has a number out of range")]))
            if not findings:
                return msgspec.convert(taken[0], self.annotation, str_keys=True)
        except msgspec.ValidationError as error:
            if not brief:
                raise WrongDocumentError(self._said_by_classes(plain) or _fault(error)) from error
        except RecursionError as error:
            raise MalformedDocumentError("it is nested too deeply") from error
        return self.convert(plain)

    def _said_by_classes(self, plain: object) -> Faults:
        """Return what no schema says, and a ``__post_init__`` does: msgspec stops at the first."""
        findings = Findings(checks=True)
        self.shape.take(Column([plain], findings))  # type: ignore[list-item]
        return findings.told()


def _fault(error: msgspec.ValidationError, place: str = "body") -> Faults:
    """Return the one fault that msgspec tells."""
    faults, (detail, at) = Faults(), told_by(error)
    faults.add(place, at, detail)
    return faults
