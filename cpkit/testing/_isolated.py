"""The same outside of pytest's fixtures: for unittest, a REPL, a script."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ._client import Client
from ._marker import Options


@contextmanager
def isolated(
    root: object = None, mount: str = "", config: object = (), *, engine: bool = False
) -> Iterator[Client]:
    """Mount *root*, yield a client, and put CherryPy's process-wide state back afterwards.

    The arguments mean what they mean in the marker ``@pytest.mark.cherrypy``; files of config are
    looked for in the current folder. Raises MarkerError for what they cannot be.
    """
    from ._isolation import Isolation
    from ._mounted import mount as mount_as_told
    from ._mounted import stopped_engine

    options = Options(root, mount, config, engine)
    options.check()
    isolation = Isolation()
    client = Client()
    try:
        mount_as_told(options, root)
        if engine:
            with stopped_engine() as started:
                started.start()
                yield client
        else:
            yield client
    finally:
        client.close()
        isolation.end()
