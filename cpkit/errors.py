"""What can go wrong in cpkit: each error carries its data and says what to do about it."""

from __future__ import annotations


class CpkitError(Exception):
    """Be the base of every error that cpkit raises on purpose."""


class RouteError(CpkitError):
    """Refuse a route that could never work, when it is declared.

    *template* is the route's path as it was written, *problem* what is wrong, *remedy* what to
    write instead.
    """

    def __init__(self, template: object, problem: str, remedy: str) -> None:
        super().__init__(f"Route {template!r}: {problem}. {remedy}")
        self.template, self.problem, self.remedy = template, problem, remedy

    def __reduce__(self) -> tuple[type[RouteError], tuple[object, str, str]]:
        return RouteError, (self.template, self.problem, self.remedy)


class UrlError(CpkitError):
    """Refuse to make a URL: there is no such route, or the parameters don't fit it.

    *name* is the route's name, *problem* what is wrong, *remedy* what to give instead.
    """

    def __init__(self, name: object, problem: str, remedy: str) -> None:
        super().__init__(f"No URL for route {name!r}: {problem}. {remedy}")
        self.name, self.problem, self.remedy = name, problem, remedy

    def __reduce__(self) -> tuple[type[UrlError], tuple[object, str, str]]:
        return UrlError, (self.name, self.problem, self.remedy)


class TimingSettingError(CpkitError, ValueError):
    """Tell that a setting of the timing tool or plugin has a value that it cannot have."""

    def __init__(self, name: str, value: object, allowed: str) -> None:
        super().__init__(f"The timing setting {name} is {value!r}: set it to {allowed}.")
        self.name, self.value, self.allowed = name, value, allowed


class FieldTooLargeError(CpkitError):
    """Refuse a request field that is longer than is read; to a client, a 431."""

    def __init__(self, unit: str, found: int, limit: int) -> None:
        super().__init__(f"The field has {found} {unit}, and at most {limit} are read: send fewer.")
        self.unit, self.found, self.limit = unit, found, limit

    def __reduce__(self) -> tuple[type[FieldTooLargeError], tuple[str, int, int]]:
        return FieldTooLargeError, (self.unit, self.found, self.limit)


class MalformedFieldError(CpkitError):
    """Refuse a request field that breaks its grammar; to a client, a 400 if asked to be strict."""

    def __init__(self, element: str) -> None:
        super().__init__(f"The element {element[:80]!r} is malformed: correct it or leave it out.")
        self.element = element

    def __reduce__(self) -> tuple[type[MalformedFieldError], tuple[str]]:
        return MalformedFieldError, (self.element,)


class InvalidOfferError(CpkitError):
    """Refuse to negotiate for an offer that no client could ask for."""

    def __init__(self, offer: object, expected: str, example: str) -> None:
        super().__init__(f"The offer {offer!r} is not {expected}: write it like {example!r}.")
        self.offer, self.expected, self.example = offer, expected, example

    def __reduce__(self) -> tuple[type[InvalidOfferError], tuple[object, str, str]]:
        return InvalidOfferError, (self.offer, self.expected, self.example)


class DatabaseError(CpkitError):
    """Be the base of what the database plugin and its tool raise."""


class DatabaseNotRunningError(DatabaseError):
    """Say that a request wants a database whose plugin is missing or not started."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"The database plugin cherrypy.engine.{name} is not running: assign a DatabasePlugin "
            f"to cherrypy.engine.{name}, set engine.{name}.on (or call its subscribe()), and "
            f"call cherrypy.engine.start()."
        )


class DatabaseSettingError(DatabaseError):
    """Say which setting of the plugin or the tool cannot be used."""

    def __init__(self, setting: str, value: object, remedy: str) -> None:
        self.setting, self.value = setting, value
        super().__init__(f"{setting} = {value!r} cannot be used: {remedy}")


class DatabaseUnavailableError(DatabaseError):
    """Say that the database cannot be had now; *retry_after* is in whole seconds."""

    def __init__(self, reason: str, retry_after: int = 1) -> None:
        self.reason, self.retry_after = reason, retry_after
        super().__init__(f"{reason}; try again in {retry_after} s.")


class DatabaseBusyError(DatabaseUnavailableError):
    """Say that every connection, or the turn to write, was taken for too long."""


class WriteInReadUnitError(DatabaseError):
    """Say that a statement writes where the unit of work only reads."""

    def __init__(self, statement: object) -> None:
        self.statement = str(statement)[:200]
        super().__init__(
            f"This unit of work only reads, but was asked for {self.statement!r}: "
            "use an unsafe method such as POST, or set cpkit.db.write = True."
        )


class UnitOverError(DatabaseError):
    """Say that a unit of work was used after its request had ended."""

    def __init__(self) -> None:
        super().__init__(
            "This request is over and its connection is back in the pool: "
            "outside of a request use `with cherrypy.engine.db.begin() as connection`."
        )


class OutcomeUnknownError(DatabaseError):
    """Say that the connection was lost while COMMIT was under way."""

    def __init__(self) -> None:
        super().__init__(
            "The connection was lost during COMMIT, so its outcome is unknown: "
            "look whether the change is there before it is repeated."
        )


class MissingExtraError(CpkitError, ImportError):
    """Tell that a package is missing which one of cpkit's extras installs."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed: pip install 'cpkit[{extra}]'.")
        self.package, self.extra = package, extra


class UnknownSettingError(CpkitError, TypeError):
    """Tell that a tool was given a setting that it does not have; *known* are those it has."""

    def __init__(self, tool: str, setting: str, known: tuple[str, ...]) -> None:
        super().__init__(f"The tool {tool} has no setting {setting}; it has {', '.join(known)}.")
        self.tool, self.setting, self.known = tool, setting, known

    def __reduce__(self) -> tuple[type[UnknownSettingError], tuple[str, str, tuple[str, ...]]]:
        return UnknownSettingError, (self.tool, self.setting, self.known)


class ConfigError(CpkitError):
    """Tell which key of the configuration cannot be used, where it stands, and why."""

    def __init__(self, key: str, place: str, reason: str) -> None:
        super().__init__(f"{key} in {place} cannot be used: {reason}")
        self.key, self.place, self.reason = key, place, reason

    def __reduce__(self) -> tuple[type[ConfigError], tuple[str, str, str]]:
        return ConfigError, (self.key, self.place, self.reason)


class AcceptSettingError(CpkitError, ValueError):
    """Tell that a setting of the accept tool has a value that it cannot have."""

    def __init__(self, name: str, value: object, allowed: str) -> None:
        super().__init__(f"The accept setting {name} is {value!r}: set it to {allowed}.")
        self.name, self.value, self.allowed = name, value, allowed

    def __reduce__(self) -> tuple[type[AcceptSettingError], tuple[str, object, str]]:
        return AcceptSettingError, (self.name, self.value, self.allowed)


class NotRenderedError(CpkitError, TypeError):
    """Refuse a body that is neither text nor bytes, nor made of them."""

    def __init__(self, body: object, content_type: str) -> None:
        super().__init__(
            f"The body for {content_type} is of type {type(body).__name__}: let the handler or "
            f"the renderer of {content_type} return str, bytes or an iterable of them."
        )
        self.body, self.content_type = body, content_type

    def __reduce__(self) -> tuple[type[NotRenderedError], tuple[object, str]]:
        return NotRenderedError, (self.body, self.content_type)


class SessionDataError(DatabaseError):
    """Say that a session holds what cannot be stored as JSON."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(
            f"The session cannot be stored: {problem}. Keep strings, numbers, lists and dicts "
            "in it, and larger things in tables of their own."
        )


class SessionLostError(DatabaseError):
    """Say that a request held its session longer than *lease* seconds, and another took it."""

    def __init__(self, lease: float) -> None:
        self.lease = lease
        super().__init__(
            f"This request ran longer than the {lease:g} s for which it may hold its session, "
            "and another one changed it: raise tools.sessions.lease, or shorten the request."
        )


class NotAPathError(CpkitError, ValueError):
    """Refuse what the test client is given instead of a path or a URL."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path!r} is no path: begin with a slash, or give a whole http URL.")
        self.path = path

    def __reduce__(self) -> tuple[type[NotAPathError], tuple[str]]:
        return NotAPathError, (self.path,)


class TooManyRedirectsError(CpkitError):
    """Tell that redirections do not end; *url* is where the test client gave up."""

    def __init__(self, url: str, limit: int) -> None:
        super().__init__(f"Gave up at {url} after {limit} redirections: do they go in a circle?")
        self.url, self.limit = url, limit

    def __reduce__(self) -> tuple[type[TooManyRedirectsError], tuple[str, int]]:
        return TooManyRedirectsError, (self.url, self.limit)


class NotMeasuredError(CpkitError):
    """Tell that a response has no measurements, since the application takes none."""


class EngineExitError(CpkitError):
    """Tell that CherryPy's engine was about to end the test process; *code* is its status."""

    def __init__(self, code: int) -> None:
        super().__init__(
            f"CherryPy's engine would have ended this process with status {code}: a listener "
            "failed while it started or stopped. Its traceback is in CherryPy's error log."
        )
        self.code = code

    def __reduce__(self) -> tuple[type[EngineExitError], tuple[int]]:
        return EngineExitError, (self.code,)


class EngineRestartError(CpkitError):
    """Tell that CherryPy's engine was about to replace the test process with a new one."""

    def __init__(self) -> None:
        super().__init__(
            "CherryPy's engine would have restarted this process: engine.restart() was called "
            "and the engine blocked. Switch the autoreloader off in tests."
        )
