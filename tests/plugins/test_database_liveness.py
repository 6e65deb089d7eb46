"""A socket is looked at without waiting, and cut without being closed."""

import select
import socket

import pytest

from cpkit.plugins._liveness import readable
from cpkit.plugins._watchdog import cut


@pytest.mark.parametrize("has_poll", [True, False])
def test_a_socket_is_readable_when_its_peer_has_sent_or_left(has_poll, monkeypatch):
    if not has_poll:
        monkeypatch.delattr(select, "poll")  # as on Windows
    here, there = socket.socketpair()
    with here:
        assert not readable(here.fileno())
        there.close()
        assert readable(here.fileno())


def test_a_connection_that_is_cut_ends_and_stays_its_drivers():
    here, there = socket.socketpair()
    with here, there:
        cut(socket.socket.fileno, here)
        assert here.recv(1) == b""
        assert here.fileno() >= 0


def test_a_driver_without_a_socket_is_left_alone():
    cut(lambda driver: None, None)
    cut(lambda driver: driver.fileno(), None)
