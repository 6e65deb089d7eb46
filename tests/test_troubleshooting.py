"""The page of troubleshooting has every message that cpkit can print, and every error."""

import ast
import re
from dataclasses import dataclass
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


@dataclass
class Function:
    """A function of cpkit, and the texts that its variables and its module's hold."""

    nodes: list
    texts: dict

    @classmethod
    def all_of(cls, path):
        tree = ast.parse(path.read_text())
        module = cls.of(tree.body, {})
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                yield cls.of(ast.walk(node), module.texts)

    @classmethod
    def of(cls, nodes, texts):
        function = cls(list(nodes), dict(texts))
        for node in function.every(ast.Assign):
            if isinstance(node.targets[0], ast.Name) and (told := function.text(node.value)):
                function.texts[node.targets[0].id] = told
        return function

    def every(self, kind):
        return (it for it in self.nodes if isinstance(it, kind))

    def text(self, node):
        """Return the text that an expression makes, an ellipsis for what varies; else None."""
        if isinstance(node, ast.FormattedValue):
            return self.text(node.value) if isinstance(node.value, ast.Name) else None
        if isinstance(node, ast.Name):
            return self.texts.get(node.id)
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value
        if isinstance(node, ast.JoinedStr):
            return "".join(self.text(it) or "…" for it in node.values)
        return None

    def told_by_errors(self):
        if self.nodes[0].name == "__str__":
            yield self.text(self.nodes[0].body[-1].value)

    def raised(self):
        for statement in self.every(ast.Raise):
            call = statement.exc
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") in RAISED and call.args:
                yield self.text(call.args[0])

    def logged(self):
        for call in self.every(ast.Call):
            name = getattr(call.func, "attr", getattr(call.func, "id", ""))
            if name in LOGGED and call.args:
                yield self.text(call.args[0])
            elif name == "say_seldom" and len(call.args) > 1:  # it adds the error
                yield f"{self.text(call.args[0])}: …."


def messages():
    """Return every text of an error, of the check at the start, and of a line of the log."""
    found = set()
    for path in (ROOT / "cpkit").rglob("*.py"):
        for function in Function.all_of(path):
            if path.parent.name != "testing":
                found.update(function.logged())
            if path.name == "errors.py":
                found.update(function.told_by_errors())
            found.update(function.raised())
    return {it for it in found if it} - NO_TROUBLE


def is_python(message):
    """Tell whether *message* is what Python itself says of a missing attribute."""
    return bool(
        re.fullmatch(r"(module … has no attribute …|A .* has no …|This request had no .*)", message)
    )


def test_the_page_has_every_message():
    assert {it for it in messages() - SAYS if not is_python(it)} == set()


def test_the_page_has_no_message_that_there_is_not():
    assert {it for it in SAYS - messages() if " " in it} == set()


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
