"""An access line goes into the queue as it is where nothing else would see its record."""

import logging

import pytest

from cpkit.logs import JsonFormatter
from cpkit.logs.queued import QueuedHandler, log_line
from cpkit.logs.request_ids import WithRequestId

LINE = '{"status": 200}'


class Seen(logging.Handler):
    """What keeps the records that it is given."""

    def __init__(self):
        super().__init__()
        self.records = []

    def emit(self, record):
        self.records.append(record)


@pytest.fixture
def logger():
    """Return a logger of a parent, as CherryPy's are; pytest listens to all that are registered."""
    found = logging.Logger("queue.access", logging.INFO)
    found.parent = logging.Logger("queue")
    return found


@pytest.fixture
def made(monkeypatch):
    """Return the records that are made, by the factory of the log plugin."""
    records = []
    factory = WithRequestId()
    logging.setLogRecordFactory(factory)
    make = logging.Logger.makeRecord

    def noting(*args, **options):
        records.append(make(*args, **options))
        return records[-1]

    monkeypatch.setattr(logging.Logger, "makeRecord", noting)
    yield records
    logging.setLogRecordFactory(logging.LogRecord)


@pytest.fixture
def written(tmp_path, logger):
    """Return what logs a line by *logger*, with a queue before its file, and reads the file."""
    target = logging.FileHandler(tmp_path / "access")
    target.setFormatter(JsonFormatter())
    queue = QueuedHandler(target, 100)
    logger.addHandler(queue)

    def log():
        log_line(logger, LINE)
        queue.flush()
        return (tmp_path / "access").read_text()

    log.queue, log.target = queue, target
    yield log
    queue.close()
    target.close()


def test_a_line_of_which_nobody_else_hears_makes_no_record(written, made):
    assert written() == f"{LINE}\n"
    assert not made


def test_handlers_that_do_nothing_hear_nothing(logger, written, made):
    logger.parent.addHandler(logging.NullHandler())
    assert written() == f"{LINE}\n"
    assert not made


@pytest.mark.parametrize("level", [0, 1], ids=["beside", "above"])
def test_another_handler_gets_its_record(logger, written, made, level):
    seen = Seen()
    (logger, logger.parent)[level].addHandler(seen)
    assert written() == f"{LINE}\n"
    assert [record.getMessage() for record in seen.records] == [LINE]


@pytest.mark.parametrize("place", ["logger", "queue", "target"])
def test_a_filter_decides(logger, written, made, place):
    filtered = {"logger": logger, "queue": written.queue, "target": written.target}[place]
    filtered.addFilter(lambda record: False)
    assert written() == ""
    assert made


def test_a_format_of_the_users_is_kept(written, made):
    class Loud(JsonFormatter):
        def format(self, record):
            line = super().format(record)
            return line.upper() if record.levelno == logging.INFO else line

    written.target.setFormatter(Loud())
    assert written() == f"{LINE.upper()}\n"


def test_a_factory_of_the_users_makes_the_records(written, made):
    def factory(*args, **options):
        record = logging.LogRecord(*args, **options)
        record.msg = "redacted"
        return record

    logging.setLogRecordFactory(factory)
    logging.setLogRecordFactory(WithRequestId())
    assert written() == "redacted\n"


@pytest.mark.parametrize("how", ["level", "disabled", "handler"])
def test_what_logs_no_info_gets_no_line(logger, written, made, how):
    if how == "level":
        logger.setLevel(logging.WARNING)
    elif how == "disabled":
        logger.disabled = True
    else:
        written.queue.setLevel(logging.WARNING)
    assert written() == ""
