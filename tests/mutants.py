"""Change one thing in cpkit at a time, and see that a test fails: ``make mutants``.

``python -m tests.mutants --seed 7 --sample 60`` takes 60 of all the changes that can be made, the
same 60 for the same seed, and runs the tests that reach the line on a copy of the tree for each,
then those of the whole room. What survives is printed, with its place: give it a test, unless
nobody could tell the difference. What takes three times as long as the tests did before, and a
minute more, is stopped: it counts neither as dead nor as alive.
"""

from __future__ import annotations

import argparse
import ast
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar

from tests import covering

Result = TypeVar("Result")
ROOT = Path(__file__).parents[1]
COPIED = ["cpkit", "demo", "tests", "docs", "pyproject.toml", "README.md", "CHANGELOG.md"]
DIES, SURVIVES, TIMED_OUT = "dies", "SURVIVES", "timed out"
# Where the tests of a room are, besides tests/<room>; first those that are fast.
TESTS = {
    "routing": ["tests/routing", "tests/dispatchers"],
    "dispatchers": ["tests/dispatchers", "tests/routing"],
    "negotiation": ["tests/negotiation", "tests/tools"],
    "timing": ["tests/timing", "tests/plugins", "tests/tools"],
    "database": ["tests/database", "tests/tools", "tests/plugins", "tests/test_sessions.py"],
    "tools": ["tests/tools"],
    "plugins": ["tests/plugins", "tests/tools"],
    "testing": ["tests/testing"],
}
EVERYWHERE = [
    "tests/tools",
    "tests/plugins",
    "tests/dispatchers",
    "tests/testing",
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests").glob("test_*.py")),
]
COMPARISONS = {
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.Is: "is not",
    ast.IsNot: "is",
    ast.In: "not in",
    ast.NotIn: "in",
}
OPERATORS = {ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.Div: "*", ast.Mod: "*"}


@dataclass(frozen=True)
class Mutant:
    """A change: *old* at the offset *at* of the file becomes *new*.

    What is not *in_function* happens at the import.
    """

    path: Path
    line: int
    at: int
    old: str
    new: str
    in_function: bool

    def __str__(self) -> str:
        old, new = (" ".join(each.split())[:60] for each in (self.old, self.new))
        return f"{self.path.relative_to(ROOT)}:{self.line}: {old!r} -> {new!r}"

    def write(self, tree: Path) -> None:
        """Make the change in the copy *tree*."""
        source = self.path.read_bytes()
        end = self.at + len(self.old.encode())
        changed = source[: self.at] + self.new.encode() + source[end:]
        (tree / self.path.relative_to(ROOT)).write_bytes(changed)

    def undo(self, tree: Path) -> None:
        """Take it back."""
        shutil.copyfile(self.path, tree / self.path.relative_to(ROOT))


class Finder(ast.NodeVisitor):
    """All the changes that can be made in one file."""

    def __init__(self, path: Path) -> None:
        self._path, self._source = path, path.read_bytes()
        starts = [0]
        for line in self._source.splitlines(keepends=True):
            starts.append(starts[-1] + len(line))
        self._starts = starts
        self.found: list[Mutant] = []
        self._depth = 0
        self.visit(ast.parse(self._source))

    def visit_Compare(self, node: ast.Compare) -> None:
        left = node.left
        for operator, right in zip(node.ops, node.comparators, strict=True):
            if type(operator) in COMPARISONS:
                old = self._between(left, right)
                self._add(self._end(left), old, f" {COMPARISONS[type(operator)]} ")
            left = right
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        old = self._between(*node.values[:2])
        is_and = isinstance(node.op, ast.And)
        new = old.replace("and", "or") if is_and else old.replace("or", "and")
        self._add(self._end(node.values[0]), old, new)
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        text = isinstance(node.left, ast.Constant) and isinstance(node.left.value, str)
        if type(node.op) in OPERATORS and not text:
            old = self._between(node.left, node.right)
            self._add(self._end(node.left), old, f" {OPERATORS[type(node.op)]} ")
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            self._replace(node, f"bool({self._text(node.operand)})")
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self._replace(node, str(not node.value))
        elif isinstance(node.value, int):
            self._replace(node, str(node.value + 1))

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is not None and not isinstance(node.value, ast.Constant):
            self._replace(node.value, "None")
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Call):
            self._replace(node, "pass")
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        if "TYPE_CHECKING" not in self._text(node.test):
            self._replace(node.test, f"(not ({self._text(node.test)}))")
            self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        self._replace(node, "pass")

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        # Not the annotations, nor the decorators.
        for each in (*node.args.defaults, *node.args.kw_defaults):
            if each is not None:
                self.visit(each)
        self._depth += 1
        for each in node.body:
            self.visit(each)
        self._depth -= 1

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Leave texts alone."""

    def _replace(self, node: ast.expr | ast.stmt, new: str) -> None:
        self._add(self._start(node), self._text(node), new)

    def _add(self, at: int, old: str, new: str) -> None:
        if old != new:
            line = self._source.count(b"\n", 0, at) + 1
            self.found.append(Mutant(self._path, line, at, old, new, self._depth > 0))

    def _start(self, node: ast.expr | ast.stmt) -> int:
        return self._starts[node.lineno - 1] + node.col_offset

    def _end(self, node: ast.expr | ast.stmt) -> int:
        return self._starts[node.end_lineno - 1] + node.end_col_offset

    def _text(self, node: ast.expr | ast.stmt) -> str:
        return self._source[self._start(node) : self._end(node)].decode()

    def _between(self, left: ast.expr, right: ast.expr) -> str:
        return self._source[self._end(left) : self._start(right)].decode()


def mutants(under: str = "") -> list[Mutant]:
    """Return every change of the files whose path holds *under*; some break the syntax."""
    paths = sorted((ROOT / "cpkit").rglob("*.py"))
    chosen = [path for path in paths if under in str(path.relative_to(ROOT))]
    return [mutant for path in chosen for mutant in Finder(path).found]


def sample(possible: list[Mutant], size: int, seed: int) -> list[Mutant]:
    """Return *size* of the changes, the same for the same seed; none breaks the syntax."""
    shuffled = random.Random(seed).sample(possible, len(possible))
    return list(itertools.islice(filter(compiles, shuffled), size))


def compiles(mutant: Mutant) -> bool:
    source = mutant.path.read_bytes()
    end = mutant.at + len(mutant.old.encode())
    try:
        ast.parse(source[: mutant.at] + mutant.new.encode() + source[end:])
    except SyntaxError:
        return False
    return True


def tests_of(path: Path) -> list[str]:
    """Return the tests that are to notice a change in the file *path*."""
    room = path.relative_to(ROOT / "cpkit").parts[0]
    own = [f"tests/{room}"] if (ROOT / "tests" / room).is_dir() else []
    return list(dict.fromkeys(TESTS.get(room, own + EVERYWHERE)))


def verdict(mutant: Mutant, reached: covering.Map, tree: Path) -> str:
    """Tell what becomes of the tests on the copy *tree* when it is changed."""
    near = reached.tests(mutant.path.relative_to(ROOT), mutant.line) if mutant.in_function else []
    mutant.write(tree)
    try:
        # Most die in the first few; the room is asked last, for its tests in other processes.
        for tests in filter(None, (near[:20], near, tests_of(mutant.path))):
            if not passes(tests, tree, 60 + 3 * reached.time(tests)):
                return DIES
        return SURVIVES
    except subprocess.TimeoutExpired:
        return TIMED_OUT
    finally:
        mutant.undo(tree)


def passes(tests: list[str], tree: Path, timeout: float | None = None, **told: str) -> bool:
    """Tell whether *tests*, paths or ids, pass on the copy *tree*."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "--no-header", "--tb=no"]
    command += ["-p", "no:xdist", "-p", "tests.covering", "-W", "ignore::SyntaxWarning"]
    if any("::" in each for each in tests):
        wanted = tree / "wanted.json"
        wanted.write_text(json.dumps(tests))
        told, tests = {covering.WANTED: str(wanted)}, files_of(tests)
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1", **told}
    where = {"cwd": tree, "env": environment, "start_new_session": True}
    with (
        output_of(tree).open("wb") as said,
        subprocess.Popen([*command, *tests], stdout=said, stderr=said, **where) as process,
    ):
        try:
            return process.wait(timeout) == 0
        except subprocess.TimeoutExpired:
            stop(process)
            raise


def output_of(tree: Path) -> Path:
    """Return the file of what the last run of tests on *tree* printed."""
    return tree / "output.txt"


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a run of tests, and what its tests began."""
    process.send_signal(signal.SIGINT)  # upon which its fixtures stop their servers
    with suppress(subprocess.TimeoutExpired):
        process.wait(30)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def files_of(tests: list[str]) -> list[str]:
    return list(dict.fromkeys(each.partition("::")[0] for each in tests))


def judged(chosen: list[Mutant], jobs: int) -> Iterator[tuple[Mutant, str]]:
    """Yield each mutant and what becomes of it; *jobs* are tried at a time."""
    with tempfile.TemporaryDirectory(prefix="cpkit-mutants-") as folder:
        trees: SimpleQueue[Path] = SimpleQueue()
        for number in range(jobs):
            trees.put(copy_to(Path(folder) / str(number)))

        def on_a_tree(work: Callable[[Path], Result]) -> Result:
            tree = trees.get()
            try:
                return work(tree)
            finally:
                trees.put(tree)

        reached = on_a_tree(partial(noted, chosen, Path(folder) / "noted"))
        with ThreadPoolExecutor(jobs) as pool:
            work = [partial(verdict, mutant, reached) for mutant in chosen]
            yield from zip(chosen, pool.map(on_a_tree, work), strict=True)


def noted(chosen: list[Mutant], file: Path, tree: Path) -> covering.Map:
    """Return which tests reach which lines; end if one fails on the unchanged copy *tree*."""
    needed = list(dict.fromkeys(each for mutant in chosen for each in tests_of(mutant.path)))
    if not passes(needed, tree, **{covering.NOTED: str(file)}):
        last = output_of(tree).read_text(errors="replace").splitlines()[-3:]
        raise SystemExit("\n".join(["The tests fail on an unchanged copy:", *last]))
    return covering.Map.read(file, tree)


def copy_to(tree: Path) -> Path:
    """Copy what tests need into the folder *tree*."""
    tree.mkdir()
    ignored = shutil.ignore_patterns("__pycache__", "node_modules", "_build")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tree / name, ignore=ignored)
        elif (ROOT / name).exists():
            shutil.copyfile(ROOT / name, tree / name)
    return tree


def main() -> int:
    """Judge a sample, print the score, and return 1 if it is too low."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sample", type=int, default=60)
    parser.add_argument("--under", default="", help="part of the path of the files to change")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--least", type=float, default=0.9, help="the share that must not survive")
    asked = parser.parse_args()
    possible = mutants(asked.under)
    chosen = sample(possible, asked.sample, asked.seed)
    count = Counter[str]()
    for mutant, became in judged(chosen, asked.jobs):
        count[became] += 1
        print(f"{became:9}  {mutant}", flush=True)
    judged_at_all = len(chosen) - count[TIMED_OUT]
    print(f"{count[DIES]} of {judged_at_all} die; {count[TIMED_OUT]} took too long to tell.")
    print(f"{len(possible)} changes are possible.")
    return int(count[DIES] < asked.least * judged_at_all)


if __name__ == "__main__":
    sys.exit(main())
