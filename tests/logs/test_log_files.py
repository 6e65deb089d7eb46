"""The files of the log: moved, gone, full, interrupted by signals, and handed to a daemon."""

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import cherrypy
import pytest

from cpkit.logs import JsonFormatter
from cpkit.logs.queued import QueuedHandler
from cpkit.plugins import LogPlugin
from cpkit.testing import Client

CLIENT = Client(raise_exceptions=False)
QUEUES = pytest.mark.parametrize("queue", [0, 100])


class Pages:
    @cherrypy.expose
    def default(self, *path):
        return "default"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "logs").mkdir()
    return tmp_path / "logs"


@pytest.fixture
def start(cp_engine, folder):
    """Start the plugin over an application whose log is in *folder*."""
    cherrypy.tree.mount(Pages(), "", {"/": {}})
    cp_engine.logs = LogPlugin(cp_engine)

    def started(queue):
        files = {f"log.{name}_file": str(folder / name) for name in ("access", "error")}
        cherrypy.config.update({"log.screen": False, **files})
        cherrypy.config.update({"engine.logs.on": True, "engine.logs.queue": queue})
        cp_engine.start()
        CLIENT.app = cherrypy.tree

    yield started
    cp_engine.stop()
    cp_engine.logs.unsubscribe()


def in_a_thread(call):
    """Tell whether *call* comes back in a thread of its own: a lock may be another's for good."""
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(20)
    return not thread.is_alive()


def paths(text):
    return [line["path"] for line in map(json.loads, text.splitlines())]


@QUEUES
def test_a_file_that_cannot_be_opened_anew_goes_on_as_it_is(start, cp_engine, folder, queue):
    start(queue)
    CLIENT.get("/before")
    with (folder / "access").open() as access, (folder / "error").open() as error:
        shutil.rmtree(folder)
        cp_engine.publish("graceful")
        assert in_a_thread(lambda: CLIENT.get("/after"))
        assert in_a_thread(lambda: cherrypy.log("after"))
        folder.mkdir()
        cp_engine.publish("graceful")
        CLIENT.get("/back")
        cp_engine.stop()
        assert paths(access.read()) == ["/before", "/after"]
        assert error.read().count("cannot be opened anew") == 2
    assert paths((folder / "access").read_text()) == ["/back"]


@QUEUES
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_disk_that_is_full_stops_nobody(start, cp_engine, folder, queue, monkeypatch):
    monkeypatch.setattr(logging, "raiseExceptions", False)
    for name in ("access", "error"):
        (folder / name).symlink_to("/dev/full")
    start(queue)
    CLIENT.get("/lost")
    for name in ("access", "error"):
        (folder / name).unlink()
    cp_engine.publish("graceful")
    assert in_a_thread(lambda: CLIENT.get("/after"))
    cp_engine.stop()
    assert "/after" in paths((folder / "access").read_text())


def test_a_handler_keeps_its_encoding_and_may_open_its_file_late(start, cp_engine, folder):
    start(0)
    late = logging.FileHandler(folder / "late", encoding="utf-16", delay=True)
    late.setFormatter(logging.Formatter("%(message)s é"))
    cherrypy.log.error_log.addHandler(late)
    cp_engine.publish("graceful")
    cherrypy.log.error_log.info("sold")
    cp_engine.publish("graceful")
    cherrypy.log.error_log.info("sold")
    cherrypy.log.error_log.removeHandler(late)
    late.close()
    assert (folder / "late").read_text(encoding="utf-16").count("sold é") == 2


def test_once_it_is_off_cherrypy_opens_its_files_itself(start, cp_engine):
    start(0)
    assert cherrypy.log.reopen_files not in cp_engine.listeners["graceful"]
    cp_engine.logs.unsubscribe()
    assert cherrypy.log.reopen_files in cp_engine.listeners["graceful"]
    cp_engine.logs.subscribe()


def test_who_opens_files_in_another_way_goes_on_doing_so(start, cp_engine):
    cp_engine.unsubscribe("graceful", cherrypy.log.reopen_files)
    start(0)
    cp_engine.logs.unsubscribe()
    assert cherrypy.log.reopen_files not in cp_engine.listeners["graceful"]


def test_a_signal_that_interrupts_the_writing_may_log(folder):
    class Interrupted(logging.FileHandler):
        def emit(self, record):
            if "first" in record.getMessage():
                signal.raise_signal(signal.SIGUSR1)
            super().emit(record)

    target = Interrupted(folder / "log")
    target.setFormatter(JsonFormatter())
    handler = QueuedHandler(target, 0)
    handler.close()

    def say(text):
        handler.handle(logging.makeLogRecord({"msg": text}))

    before = signal.signal(signal.SIGUSR1, lambda *args: say("signal"))
    # Its own lock would be waited for for ever: the alarm ends the test instead.
    alarmed = signal.signal(signal.SIGALRM, lambda *args: pytest.fail("it waits for itself"))
    signal.alarm(20)
    try:
        say("first")
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGUSR1, before)
        signal.signal(signal.SIGALRM, alarmed)
        target.close()
    lines = [json.loads(line)["message"] for line in (folder / "log").read_text().splitlines()]
    assert sorted(lines) == ["first", "signal"]


def run(code, **environ):
    command = [sys.executable, "-W", "ignore", "-c", code]
    return subprocess.run(command, check=True, timeout=300, env={**os.environ, **environ})


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_that_ends_without_a_word_has_written_its_lines(folder):
    run(f"""if True:
        import logging, os
        from cpkit.logs.queued import QueuedHandler
        from cpkit.logs import JsonFormatter
        target = logging.FileHandler({str(folder / "log")!r})
        target.setFormatter(JsonFormatter())
        handler = QueuedHandler(target, 1000)
        say = lambda text: handler.handle(logging.makeLogRecord({{"msg": text}}))
        say("parent")
        # As another thread may have them at that moment.
        handler._writing.acquire(), handler._stopped._cond.acquire()
        child = os.fork()
        if child == 0:
            say("child")
            handler.close()
            os._exit(0)
        handler._writing.release(), handler._stopped._cond.release()
        os.waitpid(child, 0)
        handler.close()
    """)
    lines = [json.loads(line)["message"] for line in (folder / "log").read_text().splitlines()]
    assert sorted(lines) == ["child", "parent"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@QUEUES
def test_no_line_is_lost_where_daemonizer_ends_the_process(folder, queue):
    code = f"""if True:
        import cherrypy
        from cherrypy.process.plugins import Daemonizer
        from cpkit.plugins import LogPlugin
        cherrypy.config.update({{
            "environment": "production", "log.error_file": {str(folder / "log")!r},
        }})
        cherrypy.server.unsubscribe()
        LogPlugin(cherrypy.engine, queue={queue}).subscribe()
        Daemonizer(cherrypy.engine, stderr={str(folder / "stderr")!r}).subscribe()
        cherrypy.engine.subscribe("start", lambda: cherrypy.log("early"), 62)
        cherrypy.engine.start()
        cherrypy.engine.exit()
    """
    # The end of the pipe is the daemon's: it is there until that ends.
    daemon, end = os.pipe()
    os.set_inheritable(end, True)
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300, close_fds=False)
    os.close(end)
    with open(daemon, "rb") as until:
        until.read()
    told = [json.loads(line)["message"] for line in (folder / "log").read_text().splitlines()]
    for line in ("early", "ENGINE Forking once.", "ENGINE Forking twice.", "ENGINE Bus EXITED"):
        assert told.count(line) == 1
