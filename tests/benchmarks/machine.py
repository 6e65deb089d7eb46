"""Say where a measurement was taken: figures from two places don't compare."""

import contextlib
import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PACKAGES = ["cherrypy", "cheroot", "routes", "sqlalchemy", "psycopg", "prometheus-client"]
PEERS = ["falcon", "flask", "fastapi", "werkzeug", "starlette", "webob", "msgspec"]
PEERS += ["opentelemetry-instrumentation-wsgi"]
PUBLISHED = ["docs/benchmarks.md", "docs/benchmarks-report.html", "docs/figures"]
PUBLISHED += ["tests/benchmarks/results", "tests/benchmarks/counts.json"]
ROOT = Path(__file__).resolve().parents[2]


def read_toml(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def describe() -> dict[str, str]:
    """Return the processor, its load, the system, and the interpreter."""
    processor = _cpuinfo("model name") or platform.processor() or "unknown processor"
    return {
        "processor": f"{os.cpu_count()} x {processor}",
        "load before": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
    }


def versions(names: list[str] = PACKAGES + PEERS) -> dict[str, str]:
    """Return the versions of those of the named packages that are installed."""
    found = {}
    for name in names:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def counting_environment() -> dict[str, str]:
    """Return all that instructions depend on beside the code that is counted."""
    vector = "avx2" if "avx2" in _cpuinfo("flags").split() else "no avx2"
    return {
        "python": sys.version,
        "libc": " ".join(platform.libc_ver()),
        "machine": f"{platform.machine()}, {vector}",
        "valgrind": _output("valgrind", "--version"),
        **versions(PACKAGES),
    }


def commit() -> dict[str, str | bool]:
    """Return the commit, and whether files differ from it, but for those that runs publish."""
    others = [":/", *(f":!{path}" for path in PUBLISHED)]
    changed = _output("git", "status", "--porcelain", "--untracked-files=no", "--", *others)
    return {"id": _output("git", "rev-parse", "--short", "HEAD"), "dirty": bool(changed)}


def _cpuinfo(field: str) -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(field)), "")


def _output(*command: str) -> str:
    try:
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ended.stdout.strip()
