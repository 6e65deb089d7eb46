"""The command line: ``python -m cpkit routes MODULE:OBJECT``, and ``openapi`` likewise."""

from __future__ import annotations

import argparse
import json
import os
import pkgutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pkgutil import resolve_name
from traceback import extract_tb
from typing import Any
from urllib.parse import unquote

from .errors import CpkitError

COLUMNS = ("methods", "template", "name", "handler")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return 0, or 1 when nothing answers the path, or the orders differ."""
    parser, openapi, routes = _parsers()
    options = parser.parse_args(arguments)
    if options.command == "openapi":
        return show_openapi(options, openapi)
    try:
        table = dispatcher(options.object)
        if options.match is not None and not hasattr(table, "answers"):
            raise TypeError(f"--match needs a dispatcher of cpkit; {options.object} is another.")
    except (CpkitError, ImportError, AttributeError, ValueError, TypeError) as error:
        routes.error(str(error))
    if options.compare:
        return show_differences(table, options)
    return show_routes(table, options) if options.match is None else show_match(table, options)


def _parsers() -> tuple[argparse.ArgumentParser, argparse.ArgumentParser, argparse.ArgumentParser]:
    """Return the parser of the command line, and those of its commands."""
    parser = argparse.ArgumentParser("python -m cpkit", description="cpkit's command line")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    openapi = commands.add_parser("openapi", help="write the OpenAPI description of a dispatcher")
    routes = commands.add_parser("routes", help="show routes, and which of them answers a path")
    for command in (openapi, routes):
        command.add_argument(
            "object", metavar="MODULE:OBJECT", help="a dispatcher, or what makes one"
        )
    openapi.add_argument("--title", default="API", help="its title (default: API)")
    openapi.add_argument("--version", default="1", help="its version (default: 1)")
    routes.add_argument("--match", metavar="PATH", help="show what answers this path, and why")
    routes.add_argument("--method", default="GET", help="with --match (default: GET)")
    routes.add_argument("--host", default="localhost", help="with --match, for sub-domains")
    routes.add_argument(
        "--compare", action="store_true", help="show URLs that Routes 2.5's order answers otherwise"
    )
    routes.add_argument("--json", action="store_true", help="write JSON")
    return parser, openapi, routes


def show_openapi(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    """Write the OpenAPI description as JSON."""
    try:
        from .openapi import describe

        found = named(options.object)
        table = dispatcher_of(found, options.object)
        if not hasattr(table, "answers"):
            raise TypeError(f"openapi needs a dispatcher of cpkit; {options.object} is another.")
        config = None if table is found else found.config
        told = describe(table, title=options.title, version=options.version, config=config)
    except (CpkitError, ImportError, AttributeError, ValueError, TypeError) as error:
        parser.error(str(error))
    if table is not found:
        told["servers"] = [{"url": getattr(found, "script_name", "") or "/"}]
    # JSON is UTF-8 (RFC 8259, 8.1); a pipe may have another encoding, as on Windows.
    is_utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    print(json.dumps(told, indent=2, ensure_ascii=not is_utf8))
    return 0


def dispatcher(name: str) -> Any:
    """Return the dispatcher that ``module:object`` names: itself, its application, its maker."""
    return dispatcher_of(named(name), name)


def named(name: str) -> Any:
    """Return what ``module:object`` names, or what it makes."""
    try:
        found = resolve_name(name)
    except Exception as error:  # whatever the module does when it is imported
        if (place := place_of(error)) is None:
            raise
        said = f"{type(error).__name__}: {getattr(error, 'msg', error)} ({place})"
        raise TypeError(f"{name} cannot be imported: {said}.") from error
    if callable(found) and not hasattr(found, "mapper") and not hasattr(found, "config"):
        try:
            found = found()
        except Exception as error:
            raise TypeError(
                f"{name}() fails: {error}. Name a dispatcher, or what makes one."
            ) from error
    return found


def place_of(error: Exception) -> str | None:
    """Return where a module failed that was being imported; None if no line of it ran."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}, line {error.lineno}"
    ours = (__file__, pkgutil.__file__)
    frames = [each for each in extract_tb(error.__traceback__) if each.filename not in ours]
    frames = [each for each in frames if "importlib" not in each.filename]
    return f"{frames[-1].filename}, line {frames[-1].lineno}" if frames else None


def dispatcher_of(found: Any, name: str) -> Any:
    """Return the dispatcher that was *found*, or that of the application that was."""
    if hasattr(found, "mapper"):
        return found
    from .cherry import behind

    config = getattr(found, "config", None)
    for section in config.values() if isinstance(config, Mapping) else ():
        dispatch = section.get("request.dispatch") if isinstance(section, Mapping) else None
        for each in behind(dispatch):
            if hasattr(each, "mapper"):
                return each
    raise TypeError(f"{name} is no RoutesDispatcher, and no application that uses one.")


def show_routes(table: Any, options: argparse.Namespace) -> int:
    """Write the table of routes, and below each what is wrong with it."""
    from .routing.listing import of_mapper, rows

    found = rows(table)
    whole = [f"! {problem}" for problem in of_mapper(table)]
    print(json.dumps(found, indent=2) if options.json else "\n".join([*aligned(found), *whole]))
    return 0


def show_differences(table: Any, options: argparse.Namespace) -> int:
    """Write examples of what Routes 2.5 answers by another route; return 1 if there are any."""
    from .routing.listing import differences

    found = differences(table)
    if options.json:
        print(json.dumps(found, indent=2))
    elif not found:
        print("Routes 2.5 answers each example by the same route.")
    else:
        print("\n".join(compared(found)))
    return 1 if found else 0


def compared(found: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield the lines that tell both answers of each example."""
    for each in found:
        yield f"{each['method']} {each['path']}"
        for order, row in (("declared first", each["declared"]), ("Routes 2.5", each["routes"])):
            answer = f"{row['template']} -> {row['handler']}" if row else "404"
            yield f"  {order + ':':16}{answer}"


def show_match(table: Any, options: argparse.Namespace) -> int:
    """Write what answers a path, and why."""
    from .routing.listing import explain

    # NOTE: bytes that are no UTF-8 stay recognizable, as no text.
    segments = options.match.partition("?")[0].split("%2F")
    path = "%2F".join(unquote(text, errors="surrogateescape") for text in segments) or "/"
    found = explain(table, path, options.method, options.host)
    if options.json:
        print(json.dumps(found, indent=2, default=str))
    else:
        print("\n".join(told(found)))
    return 0 if found["status"] < 400 else 1


def aligned(found: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield the lines of rows as a text table, and below each row what is wrong with its route."""
    table = [COLUMNS, *(tuple(cell(each[column]) for column in COLUMNS) for each in found)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for line, row in zip(table, [{}, *found], strict=True):
        cells = zip(line, widths, strict=True)
        yield "  ".join(text.ljust(width) for text, width in cells).rstrip()
        yield from (f"    ! {problem}" for problem in row.get("problems", ()))


def cell(value: Any) -> str:
    """Return a cell's text: methods joined, nothing as a dash or a star."""
    return ",".join(value) if isinstance(value, list) else str(value or "*")


def told(found: dict[str, Any]) -> list[str]:
    """Return the lines that tell what answers a path."""
    # NOTE: a control character of the path must not reach the terminal.
    path = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in found["path"])
    lines = [f"{found['method']} {path}: {found['status']}"]
    if found["allow"]:
        lines.append(f"  Allow: {', '.join(found['allow'])}")
    if found["route"]:
        lines.append(f"  {found['route']['template']} -> {found['route']['handler']}")
        variables = sorted(found["variables"].items())
        lines += [f"    {name} = {value!r}" for name, value in variables]
    lines += [f"  {each['template']}: {each['verdict']}" for each in found["considered"]]
    return lines


def run() -> int:
    """Run the command of this process; who reads it may stop before its end, as ``head`` does."""
    try:
        code = main()
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for Python's own flush
        return 1
    return code


if __name__ == "__main__":
    sys.exit(run())
