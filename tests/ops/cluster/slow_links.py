"""A network whose links delay every packet, for machines without `tc netem`.

    python -m tests.ops.cluster.slow_links SECONDS

gives this network namespace a TUN device. Its address is `OWN`; every other address of
its network reaches the same processes with a delay of SECONDS each way. The process
takes each packet from the device and gives it back SECONDS later, with source and
destination exchanged: a connection to `HOST` then arrives at `OWN` as one from `HOST`.
Exchanged addresses leave checksums valid. The rate is not limited, and TCP sees the
delay: connections open slowly, and one to a lost process is refused.
"""

import collections
import contextlib
import ctypes
import fcntl
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator

from ytdnn.ops.cluster import local_network

OWN, HOST = "10.9.0.1", "10.9.0.2"
_MASK, _NAME = "255.255.255.0", b"slow0"
_DEVICE = "/dev/net/tun"
_TUN_SETIFF, _PACKETS_ONLY = 0x400454CA, 0x0001 | 0x1000  # IFF_TUN | IFF_NO_PI
_SET_FLAGS, _SET_ADDRESS, _SET_MASK, _SET_MTU = 0x8914, 0x8916, 0x891C, 0x8922
_IS_UP = 0x1 | 0x40  # IFF_UP | IFF_RUNNING
_PACKET_BYTES = 65_000
_SOURCE, _DESTINATION = slice(12, 16), slice(16, 20)  # in a header of IPv4
_READY = "ready"
_PR_SET_PDEATHSIG = 1


@contextlib.contextmanager
def started(seconds: float) -> Iterator[None]:
    """Context in which `HOST` is this namespace's processes, with a delay each way."""
    command = [sys.executable, "-m", __name__, str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        if process.stdout.readline().strip() != _READY:
            raise OSError(f"expected a device of {_DEVICE}, found none")
        yield
        process.kill()


def are_possible() -> bool:
    """Whether this machine permits a device in a network of its own."""
    child = os.fork()
    if child == 0:
        with contextlib.suppress(Exception):
            local_network.enter()
            os.close(_device())
            os._exit(0)
        os._exit(1)
    return os.waitpid(child, 0)[1] == 0


def _device() -> int:
    """Returns a new network device of this namespace."""
    device = os.open(_DEVICE, os.O_RDWR | os.O_NONBLOCK)
    _control(device, _TUN_SETIFF, struct.pack("H", _PACKETS_ONLY))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        number = any_socket.fileno()
        for request, address in ((_SET_ADDRESS, OWN), (_SET_MASK, _MASK)):
            place = struct.pack("HH4s", socket.AF_INET, 0, socket.inet_aton(address))
            _control(number, request, place)
        _control(number, _SET_MTU, struct.pack("i", _PACKET_BYTES))
        _control(number, _SET_FLAGS, struct.pack("H", _IS_UP))
    return device


def _control(number: int, request: int, value: bytes) -> None:
    fcntl.ioctl(number, request, struct.pack("16s24s", _NAME, value))


def _forward(device: int, seconds: float) -> None:
    """Gives every packet back after a time, for ever."""
    waiting: collections.deque[tuple[float, bytes]] = collections.deque()
    while True:
        left = max(waiting[0][0] - time.monotonic(), 0.0) if waiting else None
        if select.select([device], [], [], left)[0]:
            packet = os.read(device, _PACKET_BYTES)
            if packet[0] >> 4 == 4:  # the system tries IPv6 by itself
                waiting.append((time.monotonic() + seconds, _returned(packet)))
        while waiting and waiting[0][0] <= time.monotonic():
            os.write(device, waiting.popleft()[1])


def _returned(packet: bytes) -> bytes:
    """Returns a packet with source and destination exchanged."""
    exchanged = bytearray(packet)
    exchanged[_SOURCE], exchanged[_DESTINATION] = packet[_DESTINATION], packet[_SOURCE]
    return bytes(exchanged)


def main(seconds: float) -> None:
    """Delays packets until the process that started this one ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    device = _device()
    print(_READY, flush=True)
    _forward(device, seconds)


if __name__ == "__main__":
    main(float(sys.argv[1]))
