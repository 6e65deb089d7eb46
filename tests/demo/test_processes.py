"""The demo as it is run: one process, several, under gunicorn; stopped, killed, moved between."""

import contextlib
import importlib.util
import signal

import pytest

from tests.demo.processes import Client, Load, Process


def test_ctrl_c_amid_requests_is_clean_and_loses_nothing(database_url, tmp_path):
    with Process.demo(database_url, tmp_path) as server:
        with Load([server.port]) as load:
            load.wait_for(60)
            assert server.end(signal.SIGINT) == 0
        assert "Traceback" not in server.log.read_text()
        assert load.statuses == {200}
    with Process.demo(database_url, tmp_path) as again:
        assert load.lost(again.port) == []


def test_twenty_visitors_keep_their_connections(database_url, tmp_path):
    with Process.demo(database_url, tmp_path) as process, contextlib.ExitStack() as stack:
        visitors = [stack.enter_context(Client(process.port)) for _ in range(20)]
        for visitor in visitors:
            visitor.send("GET", "/hello")
        assert all(visitor.connection.sock for visitor in visitors)


@pytest.mark.skipif(importlib.util.find_spec("gunicorn") is None, reason="needs gunicorn")
@pytest.mark.parametrize("options", [(), ("--preload",)], ids=["fork first", "preload"])
def test_gunicorn_serves_it_from_threads_of_two_processes(database_url, tmp_path, options):
    with Process.gunicorn(database_url, tmp_path, *options) as server:
        with Load([server.port]) as load:
            load.wait_for(60)
        assert load.statuses == {200}
        assert load.lost(server.port) == []
        assert server.end(signal.SIGTERM) == 0
        assert "Traceback" not in server.log.read_text()


def test_a_session_moves_between_three_processes_and_one_may_be_killed(postgres, tmp_path):
    with contextlib.ExitStack() as stack:
        # All three meet the empty database at the same time.
        servers = [Process.demo(postgres.url, tmp_path) for _ in range(3)]
        for server in servers:
            stack.push(server)
        for server in servers:
            server.wait()
        ports = [server.port for server in servers]
        visitor = stack.enter_context(Client(ports[0]))
        _, made = visitor.send("POST", "/generator")
        for port in (ports[1], ports[2], ports[0]):
            visitor.move(port)
            assert visitor.send("GET", "/generator") == (200, made)

        with Load(ports) as load:
            load.wait_for(60)
            assert servers[0].end(signal.SIGKILL) == -signal.SIGKILL
            load.wait_for(60)
        assert load.statuses == {200}
        for port in ports[1:]:
            assert load.lost(port) == []
        visitor.move(ports[1])
        assert visitor.send("GET", "/generator") == (200, made)
        assert [server.end(signal.SIGTERM) for server in servers[1:]] == [0, 0]
