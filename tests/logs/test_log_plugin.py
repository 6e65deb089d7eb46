"""The log plugin: one line of JSON for one event, with the id of its request."""

import contextvars
import copy
import json
import logging
import os
import pickle
import re
import subprocess
import sys
import threading
from logging.handlers import WatchedFileHandler

import cherrypy
import pytest
from werkzeug.test import create_environ

import cpkit.tools  # noqa: F401 - registers the toolbox
from cpkit.errors import EngineExitError
from cpkit.logs import JsonFormatter, request_id
from cpkit.logs.queued import QueuedHandler
from cpkit.plugins import LogPlugin
from cpkit.testing import Client

CLIENT = Client(raise_exceptions=False)
HOSTILE = ["a\nb", "a\r\nb", "\x1b[2J", "\x9b31m", "\u202eabc", "\u2028", "\x00", "\x7f", '"', "\\"]
HOSTILE += ["\xff\xfe", "{}", '", "status": 200, "a": "']


class Pages:
    @cherrypy.expose
    def index(self, **fields):
        logging.getLogger("shop").info("sold")
        return "index"

    @cherrypy.expose
    def default(self, *path):
        return "default"

    @cherrypy.expose
    def fails(self):
        raise ValueError("a\nb")

    @cherrypy.expose
    def moves(self):
        raise cherrypy.InternalRedirect("/")

    @cherrypy.expose
    def circles(self):
        raise cherrypy.InternalRedirect("/circles")

    @cherrypy.expose
    def streams(self):
        yield b"a"
        logging.getLogger("shop").info("streamed")
        yield b"b"

    streams._cp_config = {"response.stream": True}  # noqa: RUF012

    @cherrypy.expose
    @cherrypy.config(**{"response.stream": True})
    def breaks(self, after=""):
        cherrypy.response.headers["Content-Length"] = "5"
        if after:
            yield after
        raise ValueError

    @cherrypy.expose
    def thread(self):
        context = contextvars.copy_context()
        thread = threading.Thread(
            target=context.run, args=[logging.getLogger("shop").info, "later"]
        )
        thread.start()
        thread.join()
        return request_id()


@pytest.fixture
def files(tmp_path):
    cherrypy.config.update(
        {
            "log.screen": False,
            "log.access_file": str(tmp_path / "access"),
            "log.error_file": str(tmp_path / "error"),
        }
    )
    return tmp_path


@pytest.fixture
def logs(cp_engine, files):
    """Start the plugin with settings over an application, and return what reads a file's lines."""
    cherrypy.tree.mount(Pages(), "", {"/": {"request.show_tracebacks": False}})
    cp_engine.logs = LogPlugin(cp_engine)

    def start(**settings):
        keys = {f"engine.logs.{name}": value for name, value in settings.items()}
        cherrypy.config.update({"engine.logs.on": True, **keys})
        cp_engine.start()
        CLIENT.app = cherrypy.tree
        return lambda name: [json.loads(line) for line in (files / name).read_text().splitlines()]

    yield start
    cp_engine.stop()
    cp_engine.logs.unsubscribe()


def test_an_access_is_one_line_of_json(logs):
    read = logs()
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    headers = {"User-Agent": "me", "traceparent": trace, "Cookie": "a=hunter2"}
    answer = CLIENT.get("/?password=hunter2", headers=headers)
    (line,) = read("access")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    assert line.pop("ms") > 0
    assert line == {
        "client": "127.0.0.1",
        "method": "GET",
        "path": "/",
        "status": 200,
        "bytes": 5,
        "request": "0af7651916cd43dd8448eb211c80319c",
        "trace": trace,
        "agent": "me",
    }
    assert answer.headers["X-Request-ID"] == line["request"]


@pytest.mark.parametrize("timed", [False, True], ids=["", "timed"])
@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("/breaks", 500, {"status": 500}),
        ("/breaks?after=a", 200, {"status": 200, "broken": True}),
    ],
)
def test_the_line_of_a_stream_that_fails_tells_what_was_sent(logs, timed, path, status, told):
    read = logs()
    cherrypy.config.update({"cpkit.timing.on": timed})
    assert CLIENT.get(path).status_code == status
    (line,) = read("access")
    assert {key: line[key] for key in ("status", "broken", "bytes") if key in line} == told


def refusing_the_first(start_response):
    """Return what takes no head but that of an error."""

    def start(status, fields, exc_info=None):
        if exc_info is None:
            raise ValueError("a field that I do not send")
        return start_response(status, fields, exc_info)

    return start


def test_the_line_of_a_head_that_the_server_does_not_take_tells_what_was_sent(logs):
    read = logs()
    CLIENT.app = lambda environ, start: cherrypy.tree(environ, refusing_the_first(start))
    assert CLIENT.get("/").status_code == 500
    (line,) = read("access")
    assert line["status"] == 500
    assert "bytes" not in line


def test_the_line_of_an_error_page_that_fails_tells_what_was_sent(logs):
    read = logs()
    cherrypy.tree.apps[""].merge({"/": {"hooks.after_error_response": lambda: 1 / 0}})
    answer = CLIENT.get("/fails")
    assert answer.content == b"Unrecoverable error in the server.\n"
    (line,) = read("access")
    assert (line["status"], line["bytes"]) == (500, len(answer.content))


def test_an_unexpected_error_tells_no_credential(logs, files):
    logs()
    secrets = ["Authorization", "Cookie", "Proxy-Authorization", "X-Api-Key", "Referer"]
    CLIENT.get("/fails", headers={**dict.fromkeys(secrets, "hunter2"), "Accept": "text/csv"})
    written = (files / "error").read_text()
    assert "hunter2" not in written
    assert "COOKIE: (7 characters)" in written
    assert "ACCEPT: text/csv" in written


@pytest.mark.parametrize(("header", "names"), [("x-trace", {"X-Trace"}), (None, set())])
def test_a_server_that_serves_without_the_engine_sends_the_id(cp_engine, header, names):
    cherrypy.tree.mount(Pages(), "", {})
    plugin = LogPlugin(cp_engine, header=header)
    plugin.subscribe()
    try:
        answer = Client(cherrypy.tree).get("/")
    finally:
        plugin.unsubscribe()
    assert set(answer.headers) - {"Content-Type", "Server", "Date", "Content-Length"} == names


def test_what_logs_fields_is_cherrypys_again_afterwards(cp_engine):
    before = cherrypy.tools.log_headers.callable
    plugin = LogPlugin(cp_engine)
    plugin.subscribe()
    assert cherrypy.tools.log_headers.callable is not before
    plugin.unsubscribe()
    assert cherrypy.tools.log_headers.callable is before


@pytest.mark.parametrize("first", [0, 1])
def test_it_is_cherrypys_again_in_whichever_order_two_are_switched_off(cp_engine, first):
    before, plugins = cherrypy.tools.log_headers.callable, [LogPlugin(cp_engine) for _ in range(2)]
    for plugin in plugins:
        plugin.subscribe()
    for at in (first, 1 - first):
        plugins[at].unsubscribe()
    assert cherrypy.tools.log_headers.callable is before


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_whatever_a_client_sends_is_one_line_of_printable_ascii(logs, files, text):
    read = logs()
    path = "/a" + text.encode("utf-8").decode("latin-1")
    environ = {"PATH_INFO": path, "HTTP_USER_AGENT": text, "HTTP_X_REQUEST_ID": text}
    CLIENT.get("/", environ={**environ, "HTTP_TRACEPARENT": text, "REQUEST_METHOD": "GET" + text})
    written = (files / "access").read_bytes()
    assert re.fullmatch(rb"[ -~]+\n", written)
    assert "trace" not in read("access")[0]
    assert re.fullmatch("[0-9a-f]{32}", read("access")[0]["request"])


def test_a_line_is_bounded(logs, files):
    read = logs()
    CLIENT.get("/" + "a" * 8000, headers={"User-Agent": "b" * 9000, "traceparent": "c" * 9000})
    assert len((files / "access").read_bytes()) < 3000
    (line,) = read("access")
    assert (len(line["path"]), len(line["agent"])) == (1024, 1024)


def test_an_error_is_one_line_with_its_traceback_and_its_request(logs):
    read = logs()
    answer = CLIENT.get("/fails", headers={"X-Request-ID": "abc"})
    assert answer.status_code == 500
    (line,) = [line for line in read("error") if line["level"] == "ERROR"]
    assert line["request"] == "abc"
    assert line["message"] == "HTTP"
    assert "ValueError: a\nb" in line["traceback"]
    assert read("access")[0]["status"] == 500


def test_the_starts_lines_are_json_without_cherrypys_time(logs):
    read = logs()
    assert "ENGINE Bus STARTED" in [line["message"] for line in read("error")]


@pytest.mark.parametrize("path", ["/", "/streams", "/nowhere", "/thread", "/fails", "/moves"])
def test_the_id_comes_back_with_every_answer(logs, path):
    read = logs()
    answer = CLIENT.get(path, headers={"X-Request-ID": "abc"})
    answer.content  # noqa: B018
    assert answer.headers["X-Request-ID"] == "abc"
    assert {line["request"] for line in read("access")} == {"abc"}


def test_a_new_id_is_the_same_after_an_internal_redirect(logs):
    read = logs()
    made = CLIENT.get("/moves").headers["X-Request-ID"]
    assert {line["request"] for line in read("access")} == {made}


def test_an_internal_redirect_is_one_access_and_no_error(logs):
    read = logs()
    CLIENT.get("/moves")
    assert [(line["path"], line["status"]) for line in read("access")] == [("/", 200)]
    assert [line for line in read("error") if line["level"] == "ERROR"] == []


def test_an_internal_redirect_that_is_refused_has_a_line(logs):
    read = logs()
    assert CLIENT.get("/circles").status_code == 500
    assert [(line["path"], line["status"]) for line in read("access")] == [("/circles", 500)]


def test_what_the_server_answers_for_an_application_has_a_line(logs):
    read = logs()
    cherrypy.tree.apps[""].config["/"]["request.throw_errors"] = True
    CLIENT.get("/fails")
    assert [(line["path"], line["status"]) for line in read("access")] == [("/fails", 500)]


@pytest.mark.parametrize("path", ["/", "/streams", "/thread"])
def test_every_record_of_a_request_has_its_id(logs, caplog, path):
    caplog.set_level(logging.INFO)
    logs()
    CLIENT.get(path, headers={"X-Request-ID": "abc"}).content  # noqa: B018
    (record,) = [record for record in caplog.records if record.name == "shop"]
    assert record.request_id == "abc"


def test_a_record_outside_of_requests_has_none(logs, caplog):
    caplog.set_level(logging.INFO)
    logs()
    CLIENT.get("/")
    logging.getLogger("shop").info("quiet")
    assert caplog.records[-1].request_id is None
    assert request_id() is None


def test_a_field_of_another_name_can_hold_the_id(logs):
    logs(header="X-Correlation-ID")
    answer = CLIENT.get("/", headers={"X-Correlation-ID": "abc"})
    assert answer.headers["X-Correlation-ID"] == "abc"
    assert "X-Request-ID" not in answer.headers


def test_without_a_field_the_id_is_in_the_log_alone(logs):
    read = logs(header=None)
    answer = CLIENT.get("/", headers={"X-Request-ID": "abc"})
    assert "X-Request-ID" not in answer.headers
    assert re.fullmatch("[0-9a-f]{32}", read("access")[0]["request"])


def test_an_application_mounted_later_is_logged_as_well(logs):
    read = logs()
    cherrypy.tree.mount(Pages(), "/later", {"/": {}})
    CLIENT.get("/later/")
    assert [line["path"] for line in read("access")] == ["/later/"]


def test_a_handler_with_a_format_of_its_own_keeps_it(logs, files):
    handler = logging.FileHandler(files / "own")
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    cherrypy.log.error_log.addHandler(handler)
    logs()
    assert "INFO [" in (files / "own").read_text()
    handler.close()


def test_once_it_is_off_everything_is_as_it_was(logs, files, cp_engine):
    handlers = list(cherrypy.log.error_log.handlers), list(cherrypy.log.access_log.handlers)
    formatters = [handler.formatter for handler in handlers[0] + handlers[1]]
    factory = logging.getLogRecordFactory()
    logs(queue=10)
    cp_engine.stop()
    cp_engine.logs.unsubscribe()
    assert handlers == (cherrypy.log.error_log.handlers, cherrypy.log.access_log.handlers)
    assert [handler.formatter for handler in handlers[0] + handlers[1]] == formatters
    assert logging.getLogRecordFactory() is factory
    assert "access" not in vars(cherrypy.log)
    cp_engine.start()
    CLIENT.get("/")
    assert '"GET / HTTP/1.1" 200 5' in (files / "access").read_text()


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (0, 2, 1)])
def test_plugins_may_be_switched_off_in_any_order(cp_engine, order):
    factory = logging.getLogRecordFactory()
    plugins = [LogPlugin(cp_engine) for _ in order]
    for plugin in plugins:
        plugin.subscribe()
    for number in order:
        assert logging.getLogRecordFactory()("a", 0, "a", 0, "a", (), None).request_id is None
        plugins[number].unsubscribe()
    assert logging.getLogRecordFactory() is factory


def test_a_factory_of_another_that_came_later_stays(cp_engine):
    plugin = LogPlugin(cp_engine)
    plugin.subscribe()
    with_id = logging.getLogRecordFactory()

    def own(*args, **kwargs):
        return with_id(*args, **kwargs)

    logging.setLogRecordFactory(own)
    plugin.unsubscribe()
    assert logging.getLogRecordFactory() is own


def test_every_line_is_json_from_the_first_to_the_last(cp_engine, tmp_path):
    cp_engine.logs = LogPlugin(cp_engine)
    file = tmp_path / "error"
    cherrypy.config.update({"engine.logs.on": True})
    cherrypy.config.update({"log.screen": False, "log.error_file": str(file)})
    cp_engine.start()
    cp_engine.exit()
    lines = [json.loads(line)["message"] for line in file.read_text().splitlines()]
    assert (lines[0], lines[-1]) == ("ENGINE Bus STARTING", "ENGINE Bus EXITED")
    cp_engine.logs.unsubscribe()


def test_the_plugin_can_be_started_again(logs, cp_engine):
    read = logs()
    cp_engine.stop()
    cp_engine.start()
    CLIENT.get("/")
    assert len(read("access")) == 1


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"queu": 1}, "there is no such setting; there are on, header, queue."),
        ({"queue": -1}, "a whole number from 0 on"),
        ({"header": "X Request"}, "the name of a header field, or None"),
    ],
)
def test_a_setting_that_cannot_be_used_ends_the_start(logs, settings, reason, caplog):
    with pytest.raises((EngineExitError, SystemExit)):
        logs(**settings)
    assert reason in caplog.text


def test_with_a_queue_nothing_is_lost_and_lines_stay_in_order(logs, cp_engine):
    read = logs(queue=7)
    for number in range(200):
        CLIENT.get(f"/{number}")
    cp_engine.stop()
    assert [line["path"] for line in read("access")] == [f"/{number}" for number in range(200)]


def test_a_queue_is_written_without_being_asked(files):
    written = threading.Event()

    class Target(logging.StreamHandler):
        def emit(self, record):
            written.set()

    target = Target()
    target.setFormatter(JsonFormatter())
    handler = QueuedHandler(target, 1000)
    handler.handle(logging.makeLogRecord({"msg": "a"}))
    assert written.wait(20)
    handler.close()


def test_a_queue_writes_to_a_file_that_was_moved(logs, files, cp_engine):
    read = logs(queue=100)
    CLIENT.get("/a")
    (files / "access").replace(files / "access.1") if (files / "access").exists() else None
    cp_engine.publish("graceful")
    CLIENT.get("/b")
    cp_engine.stop()
    assert [line["path"] for line in read("access.1")] == ["/a"]
    assert [line["path"] for line in read("access")] == ["/b"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_process_writes_its_own_lines_alone(tmp_path):
    code = f"""if True:
        import logging, os
        from cpkit.logs.queued import QueuedHandler
        from cpkit.logs import JsonFormatter
        target = logging.FileHandler({str(tmp_path / "log")!r})
        target.setFormatter(JsonFormatter())
        handler = QueuedHandler(target, 1000)
        say = lambda text: handler.handle(logging.makeLogRecord({{"msg": text}}))
        say("parent")
        child = os.fork()
        if child == 0:
            say("child")
            handler.close()
            os._exit(0)
        os.waitpid(child, 0)
        handler.close()
    """
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, timeout=300)
    lines = [json.loads(line)["message"] for line in (tmp_path / "log").read_text().splitlines()]
    assert sorted(lines) == ["child", "parent"]


class Unspeakable:
    def __str__(self):
        raise ValueError("no")

    __repr__ = __str__


class UnlinkedError(Exception):
    @property
    def __cause__(self):
        raise LookupError("no cause")


class UnnotedError(Exception):
    @property
    def __notes__(self):
        raise LookupError("no notes")


@pytest.mark.parametrize(
    "error",
    [
        UnlinkedError("sold out"),
        UnnotedError("sold out"),
        SyntaxError("sold out", ("a file", 1, 2, 5)),  # its line is no text
        SyntaxError("sold out", ("a file", "1", "2", "a line")),
        ValueError("sold out", Unspeakable()),
    ],
)
def test_an_error_that_python_cannot_tell_is_one_line_with_its_frames(error):
    try:
        raise error
    except Exception as raised:
        told = type(raised), raised, raised.__traceback__
    record = logging.makeLogRecord({"msg": "failed", "exc_info": told})
    line = json.loads(JsonFormatter().format(record))
    assert line["message"] == "failed"
    assert "in test_an_error_that_python_cannot_tell" in line["traceback"]
    assert type(error).__name__ in line["traceback"]


def test_who_logs_may_have_a_request_id_of_its_own(logs, caplog):
    caplog.set_level(logging.INFO)
    logs()
    logging.getLogger("shop").info("sold", extra={"request_id": "theirs"})
    assert caplog.records[-1].request_id == "theirs"


@pytest.mark.parametrize("style", ["%(request_id)s %(message)s", "{request_id} {message}"])
def test_a_format_of_ones_own_can_hold_the_id(cp_engine, files, style):
    handler = logging.FileHandler(files / "own")
    handler.setFormatter(logging.Formatter(style, style=style[0]))
    cherrypy.log.error_log.addHandler(handler)
    plugin = LogPlugin(cp_engine)
    plugin.subscribe()
    try:
        cherrypy.log.error_log.info("sold")
    finally:
        plugin.unsubscribe()
        cherrypy.log.error_log.removeHandler(handler)
        handler.close()
    assert (files / "own").read_text() == "None sold\n"


def test_a_record_is_a_plain_one_to_another_process(logs):
    logs()
    record = logging.getLogRecordFactory()("shop", 20, "a", 1, "sold", (), None)
    for like in (copy.copy(record), pickle.loads(pickle.dumps(record))):
        assert (like.getMessage(), like.request_id) == ("sold", None)
    assert type(pickle.loads(pickle.dumps(record))) is logging.LogRecord


def test_a_factory_with_records_of_its_own_keeps_its_class(cp_engine):
    class Own(logging.LogRecord):
        def getMessage(self):  # noqa: N802
            return "own"

    before = logging.getLogRecordFactory()
    logging.setLogRecordFactory(Own)
    plugin = LogPlugin(cp_engine)
    plugin.subscribe()
    try:
        record = logging.getLogRecordFactory()("shop", 20, "a", 1, "sold", (), None)
        assert isinstance(record, Own)
        assert (record.getMessage(), record.request_id) == ("own", None)
        assert not hasattr(record, "nothing")
    finally:
        plugin.unsubscribe()
        logging.setLogRecordFactory(before)


@pytest.mark.parametrize(
    ("message", "args", "written"),
    [
        ("%s %s", (1,), "%s %s (1,) (TypeError: not enough arguments for format string)"),
        (
            "%d",
            ("a\nb",),
            "%d ('a\\nb',) (TypeError: %d format: a real number is required, not str)",
        ),
        (Unspeakable(), (), "<Unspeakable> (ValueError: no)"),
        ("%s", (Unspeakable(),), "%s <tuple> (ValueError: no)"),
        ("\ud800\u2028\x9b\x00", (), "\ud800\u2028\x9b\x00"),
        ("until [01/Jan/2027:00:00:00] it is so", (), "until [01/Jan/2027:00:00:00] it is so"),
        ({"a": float("nan")}, (), "{'a': nan}"),
    ],
    ids=["arguments", "a type", "a message", "an argument", "characters", "a time", "a dict"],
)
def test_whatever_is_logged_is_one_line_of_json(logs, files, monkeypatch, message, args, written):
    read = logs()
    monkeypatch.setattr(cherrypy.log.error_log, "propagate", False)  # pytest's would raise
    before = len(read("error"))
    cherrypy.log.error_log.error(message, *args)
    (line,) = read("error")[before:]
    assert line["message"] == written
    assert re.fullmatch(rb"[ -~\n]+", (files / "error").read_bytes())


@pytest.mark.parametrize("value", [True, 1, "yes", {}], ids=repr)
def test_nobody_elses_extra_makes_a_line_as_it_is(logs, value):
    read = logs()
    cherrypy.log.error_log.error("a\n{}", extra={"is_json": value})
    assert read("error")[-1]["message"] == "a\n{}"


@pytest.mark.parametrize(
    "value", [float("nan"), Unspeakable(), object(), [1]], ids=lambda it: type(it).__name__
)
def test_an_id_that_is_no_text_is_written_as_text(logs, value):
    read = logs()
    cherrypy.log.error_log.error("a", extra={"request_id": value})
    assert type(read("error")[-1]["request"]) is str


def test_each_answer_from_a_cache_has_its_own_id(logs):
    logs()
    cherrypy.tree.apps[""].merge({"/": {"tools.caching.on": True}})
    ids = [
        CLIENT.get("/", headers={"X-Request-ID": each}).headers["X-Request-ID"] for each in "abc"
    ]
    assert ids == ["a", "b", "c"]


@pytest.mark.parametrize("ip", [None, "", "x" * 9000], ids=["none", "empty", "long"])
def test_a_client_without_an_address_has_a_line(logs, ip):
    read = logs()

    def app(environ, start_response):
        environ.pop("REMOTE_ADDR")
        return cherrypy.tree(
            {**environ, **({} if ip is None else {"REMOTE_ADDR": ip})}, start_response
        )

    Client(app, raise_exceptions=False).get("/nowhere")
    assert read("access")[-1]["client"] == (ip or "")[:1024]


def test_a_length_that_is_none_is_left_out(logs):
    read = logs()

    def wrong(self):
        cherrypy.serving.response.headers["Content-Length"] = "a lot"
        return [b"ok"]

    wrong._cp_config = {"response.stream": True}
    Pages.wrong = cherrypy.expose(wrong)
    try:
        CLIENT.get("/wrong")
    finally:
        del Pages.wrong
    assert "bytes" not in read("access")[-1]


def test_fields_of_a_failing_request_are_cut(logs, files):
    logs()
    CLIENT.get("/fails", headers={"User-Agent": "b" * 9000})
    assert "b" * 1024 in (files / "error").read_text()
    assert "b" * 1025 not in (files / "error").read_text()


def queued_on(target, *records):
    target.setFormatter(JsonFormatter())
    handler = QueuedHandler(target, 1000)
    for record in records:
        handler.handle(logging.makeLogRecord(record))
    handler.close()


def test_a_filter_of_the_handler_sees_each_line_of_a_queue(tmp_path):
    target = logging.FileHandler(tmp_path / "log")
    target.addFilter(lambda record: record.levelno >= logging.WARNING)
    queued_on(target, {"msg": "a", "levelno": 20}, {"msg": "b", "levelno": 40})
    target.close()
    lines = (tmp_path / "log").read_text().splitlines()
    assert [json.loads(line)["message"] for line in lines] == ["b"]


def test_a_queue_goes_on_when_its_file_can_be_opened_again(tmp_path, monkeypatch):
    monkeypatch.setattr(logging, "raiseExceptions", False)
    (tmp_path / "logs").mkdir()
    target = WatchedFileHandler(tmp_path / "logs" / "log")
    target.setFormatter(JsonFormatter())
    handler = QueuedHandler(target, 1000)
    (tmp_path / "logs").rename(tmp_path / "moved")
    handler.handle(logging.makeLogRecord({"msg": "lost"}))
    handler.flush()
    (tmp_path / "logs").mkdir()
    handler.handle(logging.makeLogRecord({"msg": "back"}))
    handler.close()
    target.close()
    assert "back" in (tmp_path / "logs" / "log").read_text()


def test_a_request_that_is_never_closed_leaves_no_id_behind(logs):
    logs()
    answer = cherrypy.tree(create_environ("/streams"), lambda *args: None)
    next(iter(answer))
    CLIENT.get("/")
    assert request_id() is None
