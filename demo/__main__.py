"""Run the demo: ``python -m demo``."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence

import cherrypy

from cpkit.errors import CpkitError

from .app import DATABASE, assemble
from .operations.preflight import CannotStartError, check_address

INTERRUPTED = 130  # as a shell has it: 128 + SIGINT
THREADS = 4  # that share one interpreter: more answer fewer requests a second (docs/deployment.md)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo until it is interrupted; return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        check_address(options.host, options.port)
        _start(options)
    except (CannotStartError, CpkitError) as error:
        print(f"demo: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        # NOTE: the server may answer already, a while before CherryPy says that it runs; what does
        # not run is not stopped. stop() comes first, since exit() kills a bus that is starting.
        cherrypy.server.running = cherrypy.server.httpserver is not None
        cherrypy.engine.stop()
        cherrypy.engine.exit()
        return INTERRUPTED
    print(f"The demo is at {address(options.host, options.port)}; Ctrl-C stops it.", flush=True)
    cherrypy.engine.block()
    return 0


def address(host: str, port: int) -> str:
    """Return the URL of a server, as a browser takes it."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=_port, default=8080, help="port (%(default)s)")
    parser.add_argument(
        "--database", default=DATABASE, metavar="URL", help="SQLAlchemy's URL (%(default)s)"
    )
    parser.add_argument(
        "--threads", type=_threads, default=THREADS, help="that answer requests (%(default)s)"
    )
    parser.add_argument(
        "--access-log", metavar="FILE", default="-", help="JSON lines; - is standard output"
    )
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError("a port is a number from 1 to 65535")
    return int(text)


def _threads(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 1000:
        raise argparse.ArgumentTypeError("threads are a number from 1 to 999")
    return int(text)


def _start(options: argparse.Namespace) -> None:
    cherrypy.config.update(
        {
            "server.socket_host": options.host,
            "server.socket_port": options.port,
            "server.thread_pool": options.threads,
        }
    )
    assemble(options.database, _access_log(options.access_log))
    cherrypy.engine.db.preflight()  # while one line on stderr is all that there is to read
    cherrypy.log.error_log.addHandler(logging.StreamHandler(sys.stderr))
    cherrypy.engine.signals.subscribe()
    cherrypy.engine.start()


def _access_log(name: str) -> logging.Handler:
    """Return where the access log goes."""
    try:
        return logging.StreamHandler(sys.stdout) if name == "-" else logging.FileHandler(name)
    except OSError as error:
        raise CannotStartError(f"cannot write {name}: {error.strerror}.") from error


if __name__ == "__main__":
    sys.exit(main())
