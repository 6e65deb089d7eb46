"""The page of troubleshooting has every message that cpkit can print, and every error."""

import ast
import re
from pathlib import Path

import pytest

import cpkit.errors

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text()
SAYS = {it.strip("`") for it in re.findall(r"(?<=\| )(``.+?``|`[^`]+`)(?= \|)", PAGE)}
# What is raised with a text of its own, and what is logged; a level under 30 is no trouble.
RAISED = {"DatabaseError", "DatabaseBusyError", "NotMeasuredError", "AttributeError"}
LOGGED = {"log", "say", "_log"}
# Words for those who ask (debug), or for Python; a line with a heading of its own is told above.
NO_TROUBLE = {"…: ….", "back.", "opened.", "closed.", "… of …", "… of … for …", "slow request: ……"}


def text(node):
    """Return the text that an expression makes, with an ellipsis for what varies; else None."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(text(it) if isinstance(it, ast.Constant) else "…" for it in node.values)
    return None


def parts(path, kind):
    return (it for it in ast.walk(ast.parse(path.read_text())) if isinstance(it, kind))


def texts_of_errors():
    for error in parts(ROOT / "cpkit" / "errors.py", ast.ClassDef):
        for function in error.body:
            if isinstance(function, ast.FunctionDef) and function.name == "__str__":
                yield text(function.body[-1].value)


def raised(path):
    for statement in parts(path, ast.Raise):
        call = statement.exc
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") in RAISED and call.args:
            yield text(call.args[0])


def logged(path):
    for call in parts(path, ast.Call):
        name = getattr(call.func, "attr", getattr(call.func, "id", ""))
        if name in LOGGED and call.args:
            yield text(call.args[0])
        elif name == "say_seldom" and len(call.args) > 1:  # it adds the error
            yield f"{text(call.args[0])}: …."


def messages():
    """Return every text of an error, of the check at the start, and of a line of the log."""
    found = set(texts_of_errors())
    for path in (ROOT / "cpkit").rglob("*.py"):
        if path.parent.name != "testing":
            found.update(logged(path))
        found.update(raised(path))
    return {it for it in found if it} - NO_TROUBLE


def is_python(message):
    """Tell whether *message* is what Python itself says of a missing attribute."""
    return bool(
        re.fullmatch(r"(module … has no attribute …|A .* has no …|This request had no .*)", message)
    )


def test_the_page_has_every_message():
    assert {it for it in messages() - SAYS if not is_python(it)} == set()


def test_the_page_has_no_message_that_there_is_not():
    code = "".join(path.read_text() for path in (ROOT / "cpkit").rglob("*.py"))
    joined = re.sub(r'"\s*\n\s*f?"', "", code)  # texts that go on in the next line
    for message in SAYS:
        longest = max(re.split("…", message), key=len)
        assert longest.strip(' ":') in joined, message


def test_every_error_has_a_row_and_each_row_an_error():
    named = set(re.findall(r"^\| `(\w+Error)` \|", PAGE, re.MULTILINE)) - {"AttributeError"}
    kinds = {
        name
        for name, kind in vars(cpkit.errors).items()
        if isinstance(kind, type) and issubclass(kind, cpkit.errors.CpkitError)
    }
    assert named == kinds


@pytest.mark.parametrize(
    "seen",
    [
        "Nothing is printed",
        "workers reboot",
        "database is locked",
        "503 after a while",
        "My tool does not run",
        "params are strings again",
        "exit status is 70",
        "Nothing is served, since",
    ],
)
def test_the_page_has_what_somebody_sees(seen):
    assert seen in PAGE
