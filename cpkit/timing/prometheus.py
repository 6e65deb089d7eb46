"""Prometheus' side of the timing plugin; prometheus_client is imported when it is asked for."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakKeyDictionary, WeakSet

from cpkit.cherry import Bus
from cpkit.errors import MissingExtraError

from .hooks import IN_PROGRESS
from .scraping import ALLOWED, VARY, readable
from .settings import Registry

if TYPE_CHECKING:
    from prometheus_client import Gauge, Histogram
    from prometheus_client.metrics_core import Metric

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
_GAUGES = re.compile(r"gauge_live\w*_(\d+)\.db")  # of one process, while it lives

# OpenTelemetry's attribute names as its Prometheus exporters write them.
_LABELS = (
    "http_request_method",
    "http_route",
    "http_response_status_code",
    "url_scheme",
    "error_type",
)
_SECONDS = "http_server_request_duration_seconds"
_ACTIVE = ("http_server_active_requests", "Number of HTTP server requests in progress.")
_CLIENT = "db_client_connection"
_POOL = (f"{_CLIENT}_pool_name",)
_POOLS = (
    (f"{_CLIENT}_count", "Connections by state.", (*_POOL, f"{_CLIENT}_state")),
    (f"{_CLIENT}_max", "Connections at most.", _POOL),
)


class Counting(Protocol):
    """A plugin that counts in a registry."""

    bus: Bus
    buckets: Sequence[float]
    is_subscribed: bool


class RequestMetrics:
    """The metrics of one registry: of requests, and of the databases that serve them.

    - ``http_server_request_duration_seconds``: how long requests took, a histogram
    - ``http_server_active_requests``: how many are in progress
    - ``db_client_connection_count``, ``…_max``, ``…_waits_total``: the pool of each database
    """

    def __init__(self, registry: Registry, plugin: Counting) -> None:
        self.registry, self.users = registry, WeakSet([plugin])
        self._plugin = plugin
        self._lock = threading.Lock()
        self._durations: Histogram | None = None  # made at the first request: buckets are set late
        self._children: dict[tuple[str, str, int, str, bool], Any] = {}
        self._gauges: Gauges | None = None
        self.shared: SharedGauges | None = None
        if MULTIPROCESS in os.environ:
            self.shared = SharedGauges(registry, plugin.bus)
        else:
            self._gauges = Gauges(plugin.bus)
            registry.register(self._gauges)

    def observe(
        self, method: str, route: str, status: int, scheme: str, broken: bool, seconds: float
    ) -> None:
        """Count one request; *method*, *route* and *scheme* are of the few that are told apart."""
        key = (method, route, status, scheme, broken)
        child = self._children.get(key)  # PERF: labels() takes longer than observe()
        if child is None:
            error = str(status) if status >= 500 else "broken_stream" if broken else ""
            child = self._histogram().labels(method, route, str(status), scheme, error)
            self._children[key] = child
        child.observe(seconds)

    def _histogram(self) -> Histogram:
        with self._lock:
            if self._durations is None:
                self._durations = _client().Histogram(
                    _SECONDS,
                    "Duration of HTTP server requests.",
                    _LABELS,
                    registry=self.registry,
                    buckets=tuple(self._plugin.buckets),
                )
            return self._durations

    def unregister(self) -> None:
        """Take the metrics out of their registry."""
        shared = self.shared.all() if self.shared else ()
        for collector in (*shared, self._gauges, self._durations):
            if collector is not None:
                self.registry.unregister(collector)


_known: WeakKeyDictionary[Registry, RequestMetrics] = WeakKeyDictionary()
_lock = threading.Lock()


def metrics_in(registry: Registry, plugin: Counting) -> RequestMetrics:
    """Return the metrics of *registry*, which the plugins share that listen at the same time.

    Those of plugins that listen no more, as another test's, are taken out: the counts begin anew,
    and with the buckets of *plugin*.
    """
    with _lock:
        found = _known.get(registry)
        if found is not None and plugin not in found.users:
            if any(user.is_subscribed for user in found.users):
                found.users.add(plugin)
            else:
                found.unregister()
                found = None
        if found is None:
            found = _known[registry] = RequestMetrics(registry, plugin)
        return found


class Pool(Protocol):
    """How busy a pool of connections is; *waited* in seconds."""

    size: int
    in_use: int
    idle: int
    waits: int
    waited: float

    def __add__(self, other: Pool, /) -> Pool:
        """Return the figures of both."""


class Health(Protocol):
    """What a database tells of itself on the channel ``database_health``."""

    name: str
    up: bool
    pool: Pool


class Gauges:
    """A collector of what is true at the moment: asked when it is scraped, and costs no request.

    The names are OpenTelemetry's, for servers and for database clients.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    def describe(self) -> Iterator[Metric]:
        """Yield the metrics without their values, so that one can be asked for by its name."""
        return self._metrics({})

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics: of the requests in progress, and of the pools if there are any."""
        return (metric for metric in self._metrics(_pools(self._bus)) if metric.samples)

    def _metrics(self, pools: Mapping[str, Pool]) -> Iterator[Metric]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        yield GaugeMetricFamily(*_ACTIVE, value=len(IN_PROGRESS))
        count, most = (
            GaugeMetricFamily(name, told, labels=labels) for name, told, labels in _POOLS
        )
        waits = CounterMetricFamily(f"{_CLIENT}_waits", "Waits for a connection.", labels=_POOL)
        waited = CounterMetricFamily(f"{_CLIENT}_wait_seconds", "Time waited.", labels=_POOL)
        for name, pool in pools.items():
            count.add_metric((name, "used"), pool.in_use)
            count.add_metric((name, "idle"), pool.idle)
            most.add_metric((name,), pool.size)
            waits.add_metric((name,), pool.waits)
            waited.add_metric((name,), pool.waited)
        yield from (count, most, waits, waited)


class SharedGauges:
    """The gauges of one process among several: kept in files, which the one that is scraped sums.

    Those of the pools are brought up to date by whoever calls :meth:`update`.
    """

    def __init__(self, registry: Registry, bus: Bus) -> None:
        self._bus = bus
        mode = {"registry": registry, "multiprocess_mode": "livesum"}
        self.active: Gauge = _client().Gauge(*_ACTIVE, **mode)
        self._count, self._most = (_client().Gauge(*pool, **mode) for pool in _POOLS)

    def all(self) -> tuple[Gauge, ...]:
        """Return every gauge."""
        return self.active, self._count, self._most

    def update(self) -> None:
        """Ask the databases of this process."""
        for name, pool in _pools(self._bus).items():
            self._count.labels(name, "used").set(pool.in_use)
            self._count.labels(name, "idle").set(pool.idle)
            self._most.labels(name).set(pool.size)


def _pools(bus: Bus) -> dict[str, Pool]:
    """Return the pools by the names of their databases; those that share a name, added up.

    They are as far as is known: a database that hangs keeps no metric waiting.
    """
    try:
        healths: list[Health] = bus.publish("database_health", None)
    except Exception:  # of one that cannot even tell; which, the bus has logged
        return {}
    pools: dict[str, Pool] = {}
    for health in healths:
        pools[health.name] = (
            pools[health.name] + health.pool if health.name in pools else health.pool
        )
    return pools


def registry_for(value: bool | Registry) -> Registry:
    """Return *value*, or prometheus_client's own registry if it is just true."""
    own: Registry = _client().REGISTRY
    return own if isinstance(value, int) else value


def metrics_app(registry: Registry | None = None) -> WsgiApp:
    """Return a WSGI application that serves the metrics: ``tree.graft(metrics_app(), "/metrics")``.

    *registry* is prometheus_client's own unless given. With PROMETHEUS_MULTIPROC_DIR set, what is
    registered there is summed over all processes, but for collectors that keep no values in its
    files. Raise MissingExtraError without ``cpkit[prometheus]``.
    """
    client = _client()
    own: Registry = registry or client.REGISTRY
    served: WsgiApp = client.make_wsgi_app(_summed(own) if MULTIPROCESS in os.environ else own)

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        metrics = _known.get(own)
        if metrics is not None and metrics.shared is not None:
            metrics.shared.update()
            _forget_the_dead(os.environ[MULTIPROCESS])
        asked = readable(environ)

        def start(status: str, fields: list[tuple[str, str]], *rest: Any) -> Any:
            told = dict(fields)
            if "Allow" in told:
                told["Allow"] = ", ".join(ALLOWED)  # prometheus_client knows no HEAD
            return start_response(status, [*told.items(), ("Vary", ", ".join(VARY))], *rest)

        if environ["REQUEST_METHOD"] != "HEAD":
            return served(asked, start)
        # NOTE: prometheus_client sends a body, which is read as the next answer on a connection.
        served({**asked, "REQUEST_METHOD": "GET"}, start)
        return []

    return app


def _forget_the_dead(folder: str) -> None:
    """Take out of the gauges what processes that have ended left there: a worker may be killed."""
    if os.name != "posix":  # elsewhere to ask for a process ends it
        return
    from prometheus_client.multiprocess import mark_process_dead

    found = (_GAUGES.fullmatch(file.name) for file in Path(folder).glob("gauge_live*"))
    processes = {int(name[1]) for name in found if name}
    if os.getpid() not in processes:  # they are named by something else
        return
    for process in processes:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            with suppress(FileNotFoundError):  # another process was quicker
                mark_process_dead(process, folder)  # type: ignore[no-untyped-call]
        except OSError:  # it is another user's
            continue


def _summed(registry: Registry) -> Registry:
    """Return a registry of what *registry* has, summed over the processes that share its files."""
    client = _client()
    from prometheus_client.multiprocess import MultiProcessCollector

    everything: Registry = client.CollectorRegistry()
    own: Registry = client.CollectorRegistry()
    MultiProcessCollector(everything)  # type: ignore[no-untyped-call]
    if registry is client.REGISTRY:
        return everything
    own.register(_Named(registry, everything))
    return own


class _Named:
    """A collector of those metrics of *everything* that *registry* has, too."""

    def __init__(self, registry: Registry, everything: Registry) -> None:
        self._registry, self._everything = registry, everything

    def collect(self) -> Iterator[Metric]:
        """Yield them."""
        # Another process may have counted requests before this one has.
        counted = {_SECONDS} if self._registry in _known else set()
        names = counted | {metric.name for metric in self._registry.collect()}
        return (metric for metric in self._everything.collect() if metric.name in names)


def _client() -> Any:
    try:
        import prometheus_client
    except ImportError as error:
        raise MissingExtraError("prometheus_client", "prometheus") from error
    return prometheus_client
