"""Prometheus' side of the timing plugin; prometheus_client is imported when it is asked for."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from typing import Any
from weakref import WeakKeyDictionary

from cpkit.errors import MissingExtraError

# OpenTelemetry, HTTP metrics: the bounds advised for http.server.request.duration.
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)

# OpenTelemetry's attribute names as its Prometheus exporters write them.
_LABELS = (
    "http_request_method",
    "http_route",
    "http_response_status_code",
    "url_scheme",
    "error_type",
)

_durations: WeakKeyDictionary[Any, RequestDuration] = WeakKeyDictionary()
_lock = threading.Lock()


class RequestDuration:
    """Count requests in the histogram ``http_server_request_duration_seconds`` of a registry."""

    def __init__(self, registry: Any, buckets: Iterable[float]) -> None:
        self._histogram = _client().Histogram(
            "http_server_request_duration_seconds",
            "Duration of HTTP server requests.",
            _LABELS,
            registry=registry,
            buckets=tuple(buckets),
        )
        self._children: dict[tuple[str, str, int, str], Any] = {}

    def observe(self, method: str, route: str, status: int, scheme: str, seconds: float) -> None:
        """Count one request; *method* and *route* are of the few that the plugin tells apart."""
        key = (method, route, status, scheme)
        child = self._children.get(key)  # PERF: labels() takes longer than observe()
        if child is None:
            error = str(status) if status >= 500 else ""
            child = self._histogram.labels(method, route, str(status), scheme, error)
            self._children[key] = child
        child.observe(seconds)


def duration_in(registry: Any, buckets: Iterable[float]) -> RequestDuration:
    """Return the one RequestDuration of *registry*, made with *buckets* if it is new."""
    found = _durations.get(registry)
    if found is None:
        with _lock:
            found = _durations.get(registry) or RequestDuration(registry, buckets)
            _durations[registry] = found
    return found


def registry_for(value: Any) -> Any:
    """Return *value*, or prometheus_client's own registry if it is just true."""
    client = _client()
    return client.REGISTRY if value is True else value


def metrics_app(registry: Any = None) -> Callable[..., Iterable[bytes]]:
    """Return a WSGI application that serves the metrics: ``tree.graft(metrics_app(), "/metrics")``.

    *registry* is prometheus_client's own unless given; with PROMETHEUS_MULTIPROC_DIR set, one
    that sums all processes. Raise MissingExtraError without ``cpkit[prometheus]``.
    """
    client = _client()
    if registry is None and "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        from prometheus_client.multiprocess import MultiProcessCollector

        registry = client.CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    served: Callable[..., Iterable[bytes]] = client.make_wsgi_app(registry or client.REGISTRY)

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "HEAD":
            return served(environ, start_response)
        # NOTE: prometheus_client sends a body, which is read as the next answer on a connection.
        served({**environ, "REQUEST_METHOD": "GET"}, start_response)
        return []

    return app


def _client() -> Any:
    try:
        import prometheus_client
    except ImportError as error:
        raise MissingExtraError("prometheus_client", "prometheus") from error
    return prometheus_client
