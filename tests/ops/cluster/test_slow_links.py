"""Links with a delay: bytes arrive unchanged, late, and ends are told."""

import contextlib
import os
import socket
import threading
import time
import traceback
from collections.abc import Callable

import pytest

from tests.ops.cluster import slow_links
from ytdnn.ops.cluster import local_network

ONE_WAY = 0.025
MEGABYTES = 16

pytestmark = pytest.mark.skipif(
    not slow_links.are_possible(), reason="no network devices here"
)


def _checked(check: Callable[[], None]) -> None:
    """Calls a function behind links, in a network of its own."""
    child = os.fork()
    if child == 0:
        try:
            local_network.enter()
            with slow_links.started(ONE_WAY):
                check()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


@contextlib.contextmanager
def _connected():
    """Yields both ends of a connection, and the seconds that it took."""
    with socket.create_server(("0.0.0.0", 0)) as server:
        port = server.getsockname()[1]
        before = time.monotonic()
        with socket.create_connection((slow_links.HOST, port), 5.0) as near:
            seconds = time.monotonic() - before
            far, _ = server.accept()
            with far:
                yield near, far, seconds


def _read(end: socket.socket, count: int) -> bytes:
    with end.makefile("rb") as file:
        return file.read(count)


def _round_trips() -> None:
    with _connected() as (near, far, to_connect):
        assert 2 * ONE_WAY <= to_connect < 10 * ONE_WAY
        before = time.monotonic()
        near.sendall(b"a question")
        assert _read(far, 10) == b"a question"
        assert time.monotonic() - before >= ONE_WAY
        far.sendall(b"an answer")
        assert _read(near, 9) == b"an answer"
        assert 2 * ONE_WAY <= time.monotonic() - before < 10 * ONE_WAY


def _many_bytes() -> None:
    sent = os.urandom(MEGABYTES * 2**20)
    with _connected() as (near, far, _):
        threading.Thread(target=near.sendall, args=(sent,)).start()
        before = time.monotonic()
        assert _read(far, len(sent)) == sent
        # One chunk of 64 KB a round trip would take 12.8 s.
        assert time.monotonic() - before < 5.0


def _ends() -> None:
    with _connected() as (near, far, _):
        before = time.monotonic()
        near.close()
        assert far.recv(1) == b""
        assert time.monotonic() - before >= ONE_WAY
    with socket.create_server(("0.0.0.0", 0)) as server:
        port = server.getsockname()[1]
    before = time.monotonic()
    with contextlib.suppress(ConnectionRefusedError):
        socket.create_connection((slow_links.HOST, port), 5.0)
        raise AssertionError("expected nothing that listens")
    assert 2 * ONE_WAY <= time.monotonic() - before < 10 * ONE_WAY


def test_a_round_trip_takes_twice_the_delay():
    _checked(_round_trips)


def test_bytes_arrive_unchanged_at_full_rate():
    _checked(_many_bytes)


def test_a_closed_end_closes_the_other_and_a_lost_one_refuses():
    _checked(_ends)
