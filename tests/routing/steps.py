"""A backtracking matcher that counts its steps, as the standard library's takes them."""

from itertools import takewhile

from cpkit.routing.automaton import (
    ASSERTIONS,
    CHARACTERS,
    LAZY_OR_GREEDY,
    children,
    ops,
    parsed,
    takes,
)


class Steps:
    """The steps in which *regex* accepts a whole text, or refuses it.

    A step is a character that is read, by an op that may or may not take it.
    """

    def __init__(self, regex):
        self.tree, self.count = list(parsed(regex)), 0

    def of(self, text):
        """Return how many steps *text* takes."""
        self.count = 0
        any(end == len(text) for end in self.sequence(self.tree, text, 0))
        return self.count

    def sequence(self, tree, text, at):
        """Yield where a match of *tree* may end that begins at a place, in the order tried."""
        if not tree:
            yield at
            return
        for end in self.one(*tree[0], text, at):
            yield from self.sequence(tree[1:], text, end)

    def one(self, op, operand, text, at):
        if op in CHARACTERS:
            if self.reads(op, operand, text, at):
                yield at + 1
        elif op in LAZY_OR_GREEDY:
            yield from self.repeated(*operand, text, at, lazy=op == ops.MIN_REPEAT)
        elif op in ASSERTIONS:
            yield from self.look(op, *operand, text, at)
        elif op == ops.AT:
            yield from [at] if at in (0, len(text)) else []
        else:
            for tree in children(op, operand):
                yield from self.sequence(list(tree), text, at)

    def reads(self, op, operand, text, at):
        self.count += 1
        return at < len(text) and takes(op, operand, text[at])

    def repeated(self, least, most, tree, text, at, *, lazy):
        tree = list(tree)
        if len(tree) == 1 and tree[0][0] in CHARACTERS:
            yield from self.run(least, most, tree[0], text, at, lazy=lazy)
            return
        if lazy and least <= 0:
            yield at
        if most > 0:
            for end in self.sequence(tree, text, at):
                if end > at:
                    yield from self.repeated(least - 1, most - 1, tree, text, end, lazy=lazy)
        if not lazy and least <= 0:
            yield at

    def run(self, least, most, character, text, at, *, lazy):
        """Repeat one character: all of a run are read at once, unless it is *lazy*."""
        last = min(len(text), at + most)
        taken = takewhile(lambda place: self.reads(*character, text, place), range(at, last))
        if lazy:
            if least <= 0:
                yield at
            yield from (place + 1 for place in taken if place + 1 - at >= least)
            return
        longest = at + sum(1 for _ in taken)
        yield from range(longest, at + least - 1, -1)

    def look(self, op, direction, tree, text, at):
        width = tree.getwidth()[0] if direction < 0 else 0
        ends = self.sequence(list(tree), text, at - width) if at >= width else iter(())
        found = any(direction > 0 or end == at for end in ends)
        if found is (op == ops.ASSERT):
            yield at
