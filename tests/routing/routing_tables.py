"""Random tables of routes, random paths, and the linear scan that says what is right.

The reference is built of Routes' own ``Route`` objects, tried one after another by their own
``match``: what Routes documents, and did up to 2.4. The inputs leave out what differs on purpose
(see docs/routing-index.md): a newline at a path's end, upper case in hosts, methods given as
part of a string, a dash after ``:name``.
"""

from __future__ import annotations

import re
import warnings
from random import Random

import routes

from cpkit.errors import RouteError
from cpkit.routing import IndexedMapper, PatternWarning

METHODS = ["GET", "POST", "PUT"]
CONTROLLERS = ["a", "ab", "b", "a/b"]
STATIC = ["a", "b", "ab", "a.b", "", "x-y", "A", "é", "1", "a+b", "%", "a\\:b"]
VARIABLE = ["{v}", "{v}", "{v}", ":v", ":(v)", "{v:\\d+}", "{v:[ab]+}", "{v:a|b}", "{v:ab?}"]
VARIABLE += ["{v:\\d*}", "{v:[^/]+(?<!b)}", "{v:[^x]+}", "{v:\\w{1,2\\}}", "{v:(a)(b)?}"]
VARIABLE += ["{v:[^/]+}", "{v:\\D}", "{controller}"]
VARIABLE += ["{v:(?i:A)}", "{v:a$}", "{v:^a}", "{v:a(?=b)}b", "{v:(?P<g>a)}"]
MIXED = ["x{v}", "{v}-{w}", "{v}.{w}", "{v}{.f}", "a{.f}", "{v}.html", "v{v}.a", "{v}{w}", "{.f}"]
MIXED += ["{.f:a|b}", "a{.f:a|b}", "{v:\\d+}-{w}", "{v}.:(w)", "a.:(f)", "{v}a{w}b", "{v}-{w}{.f}"]
MIXED += ["a-{v}", "ab-{v}{.f}", "a-b{.f}", "b_{v}", "1-{v}.{w}", "a@{v:\\d+}", "a.b-{v}"]
MIXED += ["{v}x{.f}", "a.b{.f}", "{v:[^/]+(?<!b)}.:(w)", "{v}a{w}{.f}", "{v:\\d*}a", "-{v}-{w}-"]
WILD = ["*v", "{v:.*}", "{v:.+}", "{v:.+?}", "*(v)", "x{v:.*}", "{v:.*}.{w}", "{v:a/b}", "{v:.*}x"]
TEXTS = ["a", "b", "ab", "1", "12", "a.b", "x-y", ".", "a.", ".a", "-", "a-b-c", "A", "é", "x", ""]
ALPHABET = "/ab1.-xAé\n"


class Table:
    """One random table, declared twice: in an IndexedMapper, and in Routes' own routes."""

    texts = tuple(TEXTS)

    def __init__(self, random: Random, size: int = 8) -> None:
        self.random = random
        self.calls: list[tuple[str, object]] = []
        self.names = iter(range(10_000))
        self.mine = IndexedMapper(register=False, explicit=random.random() < 0.8)
        self.theirs = routes.Mapper(register=False, explicit=self.mine.explicit)
        for mapper in (self.mine, self.theirs):
            mapper.minimization = False
        # What all routes begin with is compared once, unless one is judged by its regex.
        self.head = random.choice(["/a/b", "/a/b/ab", "/%/é"]) if random.random() < 0.2 else ""
        if random.random() < 0.25 and not self.head:
            self.set("minimization", True)
        if random.random() < 0.1:
            self.set("prefix", random.choice(["/p", "/[pq]", ""]))
        if random.random() < 0.2:
            self.set("sub_domains", True)
            self.set("sub_domains_ignore", random.choice([[], ["www"]]))
        for _ in range(random.randint(1, size)):
            self.declare()
        self.mine.create_regs(CONTROLLERS)
        for route in self.theirs.matchlist:
            route.makeregexp(CONTROLLERS)

    def set(self, name: str, value: object) -> None:
        setattr(self.mine, name, value)
        setattr(self.theirs, name, value)

    def declare(self) -> None:
        kind = self.random.random() if not self.head else 1
        if kind < 0.05:
            name = self.random.choice(["a", "b", "ab"])
            options = {"path_prefix": self.random.choice(["", "/{p}", "a"])}
            self.both(lambda mapper: mapper.resource(name, name + "s", **options))
        elif kind < 0.08:
            self.both(lambda mapper: mapper.collection("as", "a", member_prefix="/{id}"))
        elif kind < 0.13:
            template, options = self.route()
            given = {"path_prefix": "/" + self.segment(), "controller": "c"}
            self.both(lambda mapper: mapper.submapper(**given).connect("n", template, **options))
        else:
            template, options = self.route()
            self.both(lambda mapper: mapper.connect(template, **options))

    def both(self, declare) -> None:
        """Declare a route twice, or not at all if it is refused."""
        before = len(self.mine.matchlist)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", PatternWarning)
                declare(self.mine)
            declare(self.theirs)
        except (RouteError, re.error):
            del self.mine.matchlist[before:]
            del self.theirs.matchlist[before:]

    def segment(self) -> str:
        random = self.random
        weights = [6, 4, 3, 0.1 if self.head else 1]
        kinds = random.choices([STATIC, VARIABLE, MIXED, WILD], weights)[0]
        number = next(self.names)
        text = random.choice(kinds)
        return re.sub(r"(?<=[{:*(.])([vwf])(?=[}:)]|$)", rf"\g<1>{number}", text)

    def route(self) -> tuple[str, dict[str, object]]:
        random = self.random
        least = 1 if self.head else 0
        template = "/".join(["", *(self.segment() for _ in range(random.randint(least, 4)))])
        template = self.head + template
        if random.random() < 0.05 and not self.head:
            template = template.removeprefix("/")
        options: dict[str, object] = {}
        names = re.findall(r"[vwf]\d+", template)
        requirements = {}
        for name in names:
            if random.random() < 0.1:
                options[name] = random.choice(["d", None, "", 5])
            if random.random() < 0.05:
                requirements[name] = random.choice(["a|b", "[^/]+", ".*"])
        if requirements:
            options["requirements"] = requirements
        if random.random() < 0.5:
            options |= {"controller": "c", "flag": False, "action": None}
        if random.random() < 0.2 and not self.head:
            options["_minimize"] = random.random() < 0.7
        if random.random() < 0.5:
            options["conditions"] = self.conditions()
        return template, options

    def conditions(self) -> dict[str, object]:
        random = self.random
        found: dict[str, object] = {}
        if random.random() < 0.8:
            found["method"] = random.choice(["GET", ["GET"], ["POST", "PUT"], ["PUT"], []])
        if random.random() < 0.1:
            found["sub_domain"] = random.choice([True, False, None, ["www", "api"], []])
        if random.random() < 0.15:
            found["function"] = self.function(next(self.names))
        return found

    def function(self, number: int):
        def condition(environ, result):
            self.calls.append((number, dict(result)))
            result["seen"] = number
            return len("".join(map(str, result.values()))) % 3

        return condition

    def url(self) -> str:
        random = self.random
        if self.theirs.matchlist and random.random() < 0.8:
            template = random.choice(self.theirs.matchlist).routelist
            url = "".join(
                part if isinstance(part, str) else random.choice(self.texts) for part in template
            )
            url = url if url.startswith("/") or random.random() < 0.02 else "/" + url
            url += random.choice(["", "", "", "", "/", ".a"])
        else:
            url = "/" + "".join(random.choices(ALPHABET, k=random.randint(0, 8)))
        if random.random() < 0.2 and url:
            at = random.randrange(len(url))
            url = url[:at] + random.choice(["", random.choice(ALPHABET)]) + url[at + 1 :]
        if self.mine.prefix and random.random() < 0.8:
            url = "/p" + url
        return url.rstrip("\n")

    def environ(self) -> dict[str, str] | None:
        random = self.random
        if random.random() < 0.1:
            return random.choice([None, {}])
        hosts = ["example.com", "www.example.com", "api.example.com:80", "x", "[::1]"]
        return {
            "REQUEST_METHOD": random.choice([*METHODS, "get", "X"]),
            "HTTP_HOST": random.choice(hosts),
        }

    def below_prefix(self, url: str) -> str | None:
        found = re.match(self.theirs.prefix or "", url)
        return found and (url[found.end() :] or ("/" if self.theirs.prefix else ""))

    def reference(self, url: str, environ: dict[str, str] | None) -> tuple[object, int] | None:
        """Return what a scan of all routes in declared order answers."""
        path, theirs = self.below_prefix(url), self.theirs
        for number, route in enumerate(theirs.matchlist if path is not None else ()):
            found = route.match(
                path, environ, theirs.sub_domains, theirs.sub_domains_ignore, theirs.domain_match
            )
            if isinstance(found, dict):
                return found, number
        return None

    def reference_methods(self, url: str, environ: dict[str, str] | None) -> object:
        """Return what trying every method on every route says."""
        path, theirs, found = self.below_prefix(url), self.theirs, set()
        for route in theirs.matchlist if path is not None else ():
            wanted = (route.conditions or {}).get("method")
            methods = [wanted] if isinstance(wanted, str) else wanted
            if methods == []:
                continue
            asked = environ and {**environ, "REQUEST_METHOD": methods[0] if methods else "GET"}
            answer = route.match(
                path, asked, theirs.sub_domains, theirs.sub_domains_ignore, theirs.domain_match
            )
            if isinstance(answer, dict):
                if methods is None:
                    return None
                found.update(methods)
        return frozenset(found)

    def difference(self) -> str | None:
        """Look one random path up in both; return what differs."""
        url, environ = self.url(), self.environ()
        wanted = self.reference(url, environ)
        wanted_calls, self.calls = self.calls, []
        found = self.mine.routematch(url, environ)
        calls, self.calls = self.calls, []
        got = found and (found[0], self.mine.matchlist.index(found[1]))
        if (got, calls) == (wanted, wanted_calls):
            return None
        table = [route.routepath for route in self.theirs.matchlist]
        return f"{url!r} {environ}: {got} {calls}, but a scan says {wanted} {wanted_calls}: {table}"

    def difference_of_methods(self) -> str | None:
        url, environ = self.url(), self.environ()
        wanted, got = self.reference_methods(url, environ), self.mine.methods(url, environ)
        self.calls.clear()
        return None if got == wanted else f"{url!r} {environ}: {got}, but {wanted}"


RESOURCES = [f"res{number}" for number in range(9)]
PREFIXES = ["", "", "/{v:[0-9a-f-]+}", "/{v}", "/v2", "/{v:v\\d+}", "/{v:v\\d+}/{w}", "/v2/{v}"]
PREFIXES += ["/apis/g/v1", "/apis/g/v1/namespaces/{v}", "/apis/h/v1", "/apis/g/v1/watch"]
ENDS = ["", "", "/detail", "/{w}", "/{w}", "/{w}/action", "/{w}/status", "/{w:\\d+}", "/{w}{.f}"]
ENDS += ["/{w:[0-9a-f-]+}", "/{w}/res1", "/{v}/{w}", "/new", "/{w}/{v:\\d+}/res2"]


class ServiceTable(Table):
    """A random table of the kinds that OpenStack's services and Kubernetes have.

    The same resources stand below fixed segments and below variables, so that no one segment
    tells the routes apart.
    """

    texts = (*RESOURCES, "12", "ab-1", "v2", "v2", "detail", "new", "a.b", "watch", "")

    def route(self) -> tuple[str, dict[str, object]]:
        _, options = super().route()
        options = {name: options[name] for name in options if name[0] not in "vwr"}
        middle = "/" + self.random.choice(RESOURCES)
        if self.random.random() < 0.02:
            middle += self.random.choice(["/*v", "/{w:.*}", "/{v:.*}/res3"])
        template = self.random.choice(PREFIXES) + middle + self.random.choice(ENDS)
        names = iter(range(10))
        return re.sub(r"(?<=[{*.])[vwf]\b", lambda _: f"n{next(names)}", template), options
