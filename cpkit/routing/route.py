"""A route: its path is read, and both are checked, when it is declared.

Of Routes' private names cpkit uses five, all of them here: ``Route._setup_route`` is replaced, so
that a route is worked out when it is needed; ``Route._kargs``, ``_defaults`` and ``_minkeys`` are
what it worked with; ``Mapper._routenames`` has the routes by name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import Any, Literal
from urllib.parse import quote

import routes.mapper
import routes.route

from cpkit.errors import RouteError

from .conditions import normalized
from .segments import Part, Reader

# What Routes doesn't take for a default.
RESERVED = frozenset(routes.route.Route.reserved_keys)
OPTIONS = {"_minimize", "_encoding", "_static", "_filter", "_absolute", "_explicit"}
OPTIONS |= {"_member_name", "_collection_name", "_parent_resource"}
ARGUMENTS = OPTIONS | {"requirements", "conditions"}
# What a requirement may hold that behaves otherwise inside a whole route than alone.
ENTANGLED = re.compile(r"\\[1-9]|\(\?[^:=!<]|\(\?<[^=!]")
# NOTE: from Python 3.11 on it is an error where it doesn't begin the regex; 3.10 applies it to all.
GLOBAL_FLAG = re.compile(r"(?<!\\)\(\?[aiLmsux]+\)")
# A character that is none, and stands for a slash while a URL is made.
SLASH = "\uffff"
QUOTED_SLASH = quote(SLASH)
NEVER, NOBODY = "(?!)", "\0nobody\0"
ALONE = "Write a regex that stands alone: no numbered back-references, flags as (?i:...)."


def keywords(route: routes.route.Route) -> dict[str, Any]:
    """Return the keywords that *route* was declared with."""
    found: dict[str, Any] = route._kargs
    return found


def named_routes(mapper: routes.mapper.Mapper) -> dict[str, Any]:
    """Return the routes of *mapper* by name, static ones too; what is put in is kept."""
    found: dict[str, Any] = mapper._routenames
    return found


# A route in a mapper: cpkit's, or what a subclass of the mapper makes of Routes' own.
AnyRoute = routes.route.Route


class Route(routes.route.Route):
    """A Routes route whose faults are errors here, not at the first request.

    Raises RouteError for an unclosed brace, a variable that is nameless, misnamed or twice there,
    a bad requirement, an unknown argument or condition.
    """

    def __init__(self, name: str | None, routepath: str, **kargs: Any) -> None:
        if not isinstance(routepath, str):
            raise RouteError(routepath, "the path is no text", "Write connect(name, path).")
        self.template = routepath
        for key, value in kargs.items():
            if key not in ARGUMENTS and (key[:1] == "_" or isinstance(value, dict)):
                self._check_argument(key, value)
        kargs["requirements"] = dict(kargs.get("requirements") or {})
        kargs["conditions"] = normalized(routepath, kargs.get("conditions"))
        # PERF: an attribute that is set later would cost each route a dict of its own, 2 KB.
        self._controllers: Sequence[str] = ()
        self._regmatch: re.Pattern[str] | None = None
        super().__init__(name, routepath, **kargs)

    def _check_argument(self, key: str, value: object) -> None:
        if key.startswith("_") and key not in self.template:
            known = ", ".join(sorted(OPTIONS))
            raise RouteError(self.template, f"unknown argument {key!r}", f"Known are {known}.")
        if isinstance(value, dict):
            raise RouteError(
                self.template, f"unknown argument {key!r}", "Is it requirements or conditions?"
            )

    def _check_names(self, names: list[str]) -> None:
        for at, name in enumerate(names):
            if not name.isidentifier():
                raise RouteError(
                    self.template,
                    f"{name!r} is no variable name",
                    "Use letters, digits and _; write \\: or \\* for the character itself.",
                )
            if names.index(name) < at:
                raise RouteError(
                    self.template, f"variable {name!r} stands there twice", "Rename one of them."
                )
        tangled = self.reqs and any(
            ENTANGLED.search(self.reqs[name]) for name in names if name in self.reqs
        )
        if tangled or (self.minimization and self.dotkeys):
            self._check_whole()

    def _check_whole(self) -> None:
        try:
            re.compile(self._expression(["controller"]))
        except re.error as error:
            raise RouteError(
                self.template, f"its parts make no regex together: {error}", ALONE
            ) from error

    def _setup_route(self) -> None:
        """Read the path and the defaults, as Routes does; the rest waits until it is needed."""
        reader = Reader(self.routepath, static=self.static)
        self.routelist: list[Part] = reader.read()
        self.reqs.update(reader.requirements)  # a copy of what was given
        for name, regex in self.reqs.items():
            self._required(name, regex)
        names, given = self._names, keywords(self)
        self.defaults = {key: given[key] for key in given if key not in RESERVED}
        # PERF: as most often, there is nothing to make text of, and none to add.
        if not self.explicit or any(type(value) is not str for value in self.defaults.values()):
            self.defaults, _ = self._defaults(frozenset(names), RESERVED, dict(given))
        self.maxkeys = key_set(*names, *self.defaults)
        if not self.static:
            self._check_names(names)

    def _required(self, name: str, regex: str) -> re.Pattern[str]:
        try:
            return requirement(regex)
        except (re.error, TypeError) as error:
            problem = f"the requirement {regex!r} of {name!r} is no regex: {error}"
            raise RouteError(self.template, problem, ALONE) from error

    @property
    def _names(self) -> list[str]:
        return [part["name"] for part in self.routelist if not isinstance(part, str)]

    # PERF: Routes works these out for every route; only to generate its URL are they needed.
    @cached_property
    def req_regs(self) -> dict[str, re.Pattern[str]]:
        """Return what the values of variables with a requirement must match."""
        return {name: requirement(regex) for name, regex in self.reqs.items()}

    @cached_property
    def dotkeys(self) -> frozenset[str]:
        """Return the variables with a dot of their own."""
        variables = [part for part in self.routelist if not isinstance(part, str)]
        return frozenset(part["name"] for part in variables if part["type"] == ".")

    @cached_property
    def minkeys(self) -> frozenset[str]:
        """Return the variables that a URL can't be generated without."""
        keys: frozenset[str] = self._minkeys(self.routelist)[0]
        return keys

    @cached_property
    def routebackwards(self) -> list[Part]:
        """Return the parts in the order in which minimized generation reads them."""
        parts: list[Part] = self._minkeys(self.routelist)[1]
        return parts

    @cached_property
    def hardcoded(self) -> frozenset[str]:
        """Return the defaults that no variable of the path can change."""
        fixed = self.maxkeys - set(self._names)
        return frozenset(key for key in fixed if self.defaults[key] is not None)

    @cached_property
    def plain(self) -> frozenset[str]:
        """Return the variables of one segment each: a slash in them is written ``%2F``."""
        if self.static:
            return frozenset()  # it is asked of no table
        variables = [part for part in self.routelist if not isinstance(part, str)]
        one = {part["name"] for part in variables if part["type"] != "*"}
        return frozenset(one - self.reqs.keys() - {"controller"})

    @cached_property
    def _default_keys(self) -> frozenset[str]:
        return frozenset(self.defaults)

    @cached_property
    def constants(self) -> frozenset[str]:
        """Return the defaults that stand in no place of the path."""
        return frozenset(self.maxkeys - set(self._names))

    def generate(self, **values: Any) -> str | Literal[False]:
        """Return the path and query for *values*, or False where they don't fit."""
        if self.reqs or "method" in values or not values.keys() <= self.maxkeys:
            url: str | Literal[False] = super().generate(**values)
            return url
        # PERF: there is nothing else to ask, and no query.
        make = self.generate_minimized if self.minimization else self.generate_non_minimized
        path = make(values)
        return path if path is False or path[:1] == "/" or self.static else "/" + path

    # NOTE: a slash in a variable of one segment is written %2F here, which Routes leaves as it is:
    # that would be the URL of another route.
    def generate_non_minimized(self, kargs: dict[str, Any]) -> str | Literal[False]:
        """Return the path, or False where *kargs* don't fit."""
        for name in self.constants:
            if name not in kargs:
                return False
            value, fixed = kargs[name], self.defaults[name]
            if value is not fixed and self.make_unicode(value) != self.make_unicode(fixed):
                return False
        url = ""
        for part in self.routelist:
            if isinstance(part, str):
                url += part
                continue
            name, value = part["name"], kargs.get(part["name"])
            optional = part["type"] == "."
            if value is None and not optional:
                return False
            if value is not None and (value != "" or not optional):
                text = value.decode(self.encoding) if isinstance(value, bytes) else str(value)
                text = quote(text, "" if name in self.plain else "/", self.encoding or "utf-8")
                url += "." + text if optional else text
        return url

    def generate_minimized(self, kargs: dict[str, Any]) -> str | Literal[False]:
        """Return the path, or False where *kargs* don't fit."""
        slashed = False
        for name, value in kargs.items():
            if type(value) is not str or "/" not in value:
                continue
            if name in self.plain and value != self.defaults.get(name):
                kargs[name], slashed = value.replace("/", SLASH), True
        url: str | Literal[False] = super().generate_minimized(kargs)
        return url.replace(QUOTED_SLASH, "%2F") if url and slashed else url

    def makeregexp(self, clist: Sequence[str], include_names: bool = True) -> str | None:
        """Fix which controllers ``{controller}`` may name; the regex is made when it is needed."""
        if not include_names:
            return self._expression(clist, include_names)
        self._controllers, self._regmatch = clist, None
        return None

    @property
    def regexp(self) -> str:
        """Return the regex of the whole path."""
        return self._expression(self._controllers)

    @property
    def unanchored(self) -> str:
        """Return the regex that a whole path matches from its first character to its last."""
        return self.regexp.removeprefix("^").removesuffix(r"\Z")

    def _expression(self, clist: Sequence[str], include_names: bool = True) -> str:
        # NOTE: an empty alternation would match the empty segment: no controller is none.
        names = (clist if isinstance(clist, list) else list(clist)) or [NOBODY]
        if self.minimization:
            reg = self.buildnextreg(self.routelist, names, include_names)[0] or "/"
            reg = ("" if reg.startswith("/") else "/") + reg + "/?$"
        else:
            reg = self.buildfullreg(names, include_names)
        # NOTE: "$" would also accept, and drop, a trailing newline.
        return "^" + reg.removesuffix("$").replace(re.escape(NOBODY), NEVER) + r"\Z"

    @property
    def regmatch(self) -> re.Pattern[str]:
        """Return the regex of the whole path, compiled at its first use."""
        if self._regmatch is None:
            self._regmatch = re.compile(self.regexp)
        return self._regmatch


@lru_cache(maxsize=1024)
def requirement(regex: str) -> re.Pattern[str]:
    """Return the regex that a variable's value must match to make a URL; re.error for a bad one."""
    if GLOBAL_FLAG.search(regex):
        raise re.error("a flag for the whole regex")
    re.compile(regex)  # which must stand alone
    return re.compile(rf"(?:{regex})\Z")


@lru_cache(maxsize=1024)
def key_set(*keys: str) -> frozenset[str]:
    """Return the set of *keys*: one for all routes that have the same."""
    return frozenset(keys)
