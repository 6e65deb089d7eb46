"""The body of a request: a form, files, JSON, or what is sent as it is."""

from __future__ import annotations

import json as jsonlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, TypeGuard
from urllib.parse import urlencode

from cpkit.errors import RequestArgumentError

Form = Mapping[str, object] | Sequence[tuple[str, object]]
Content = bytes | str | Path | IO[bytes] | IO[str]
File = Content | tuple[str, Content] | tuple[str, Content, str]
Files = Mapping[str, File | list[File]] | Sequence[tuple[str, File]]
Data = Form | str | bytes | Iterable[bytes | str]
Body = bytes | Iterable[bytes | str]


def encode(data: Data | None, json: object, files: Files | None) -> tuple[Body, str]:
    """Return the body that holds *data*, *json* or *files*, and its media type ("" for none).

    Raises RequestArgumentError for arguments that do not go together.
    """
    if data is json is files is None:  # PERF: as a rule
        return b"", ""
    if json is not None:
        if data is not None or files is not None:
            raise RequestArgumentError("json", "goes neither with data nor with files: send one")
        return jsonlib.dumps(json).encode(), "application/json"
    if files is not None:
        if not (data is None or is_form(data)):
            raise RequestArgumentError("data", "is sent with files, so give a dict or pairs")
        return _multipart(data or (), files)
    if is_form(data):
        return query(data).encode(), "application/x-www-form-urlencoded"
    return _as_it_is(data), ""


def is_form(data: object) -> TypeGuard[Form]:
    """Tell whether *data* is a mapping, or a list or tuple of pairs."""
    if isinstance(data, list | tuple):
        return all(isinstance(each, tuple) and len(each) == 2 for each in data)
    return isinstance(data, Mapping)


def query(form: Form, argument: str = "data") -> str:
    """Return *form* in the form of a query string; None is left out.

    Raises RequestArgumentError, which names the *argument*, for what is no form.
    """
    if not is_form(form):
        raise RequestArgumentError(argument, f"is {form!r}: give a dict, pairs or text")
    return urlencode(list(_pairs(form)))


def _as_it_is(data: Data | None) -> Body:
    if data is None or isinstance(data, bytes | bytearray | memoryview):
        return bytes(data or b"")
    if isinstance(data, str):
        return data.encode()
    if not isinstance(data, Iterable):
        raise RequestArgumentError("data", f"is {data!r}: give a dict, pairs, text or bytes")
    return data  # type: ignore[return-value]


def _pairs(form: Form) -> Iterator[tuple[str, str | bytes]]:
    for name, given in form.items() if isinstance(form, Mapping) else form:
        for value in given if isinstance(given, list | tuple) else [given]:
            if isinstance(value, Mapping | set):
                raise RequestArgumentError("data", f"has {value!r} in {name!r}: send it as json")
            if value is not None:
                yield name, value if isinstance(value, bytes) else str(value)


def _multipart(form: Form, files: Files) -> tuple[bytes, str]:
    """Return a multipart/form-data body and its content type (RFC 7578)."""
    boundary = os.urandom(16).hex()
    texts = ((b"name=" + _quoted(name), _bytes(value)) for name, value in _pairs(form))
    body = b"".join(
        b"--%b\r\nContent-Disposition: form-data; %b\r\n\r\n%b\r\n" % (boundary.encode(), *part)
        for part in (*texts, *_file_parts(files))
    )
    return body + b"--%b--\r\n" % boundary.encode(), f"multipart/form-data; boundary={boundary}"


def _file_parts(files: Files) -> Iterator[tuple[bytes, bytes]]:
    for name, given in files.items() if isinstance(files, Mapping) else files:
        for file in given if isinstance(given, list) else [given]:
            yield _file_part(name, file)


def _file_part(name: str, file: File) -> tuple[bytes, bytes]:
    """Return the head and the content of a file's part; a bare file is called as its field is."""
    called = file.name if isinstance(file, Path) else name
    parts = file if isinstance(file, tuple) else (called, file)
    if len(parts) not in (2, 3) or not isinstance(parts[0], str):
        problem = f"has {file!r} in {name!r}: give (name, content) or (name, content, media_type)"
        raise RequestArgumentError("files", problem)
    filename, content, *kind = parts
    head = b"name=%b; filename=%b\r\nContent-Type: %b" % (
        _quoted(name),
        _quoted(filename),
        (kind[0] if kind else "application/octet-stream").encode(),
    )
    return head, _read(name, content)


def _read(name: str, content: object) -> bytes:
    if isinstance(content, Path):
        return content.read_bytes()
    if hasattr(content, "read"):
        content = content.read()
    if isinstance(content, str | bytes | bytearray):
        return _bytes(content)
    raise RequestArgumentError("files", f"has {content!r} in {name!r}: give bytes, text or a file")


def _bytes(value: str | bytes | bytearray) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(value)


def _quoted(text: str) -> bytes:
    """Quote a name as browsers do (HTML Standard, multipart/form-data encoding algorithm)."""
    for special, escape in (("\r", "%0D"), ("\n", "%0A"), ('"', "%22")):
        text = text.replace(special, escape)
    return b'"%b"' % text.encode()
