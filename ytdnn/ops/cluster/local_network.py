"""A private network for the processes of a local cluster.

TensorFlow's servers execute any graph they receive, and listen on every address of the
machine, whatever address is configured. A network namespace has only its own loopback,
which nothing outside can reach. Linux creates one without privileges if user namespaces
are allowed.
"""

import ctypes
import fcntl
import os
import pathlib
import socket
import struct
import sys

from ytdnn.base import errors

_NEW_USER, _NEW_NET = 0x10000000, 0x40000000
_GET_FLAGS, _SET_FLAGS, _IS_UP = 0x8913, 0x8914, 0x1
_NAME_BYTES, _REQUEST_BYTES = 16, 40


def enter() -> None:
    """Moves this single-threaded process and its children into a network namespace.

    Raises:
      errors.UserError: The system does not permit it.
    """
    try:
        is_done = sys.platform == "linux" and _separate(os.getuid(), os.getgid())
        if is_done:
            _raise_loopback()
    except OSError:
        is_done = False
    if not is_done:
        raise errors.UserError(
            "expected a system where a process can have its own network namespace "
            "(Linux with user namespaces), found none: TensorFlow would listen on "
            "every address and run any request that reaches it; give --network=open "
            "only behind a firewall"
        )


def _separate(user: int, group: int) -> bool:
    libc = ctypes.CDLL(None)
    if libc.unshare(_NEW_NET) == 0:
        return True
    if libc.unshare(_NEW_USER | _NEW_NET) != 0:
        return False
    own = pathlib.Path("/proc/self")
    (own / "setgroups").write_text("deny")
    (own / "uid_map").write_text(f"{user} {user} 1")
    (own / "gid_map").write_text(f"{group} {group} 1")
    return True


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack(f"{_NAME_BYTES}sH", b"lo", 0).ljust(_REQUEST_BYTES, b"\0")
        found = fcntl.ioctl(any_socket, _GET_FLAGS, request)
        (flags,) = struct.unpack_from("H", found, _NAME_BYTES)
        struct.pack_into("H", changed := bytearray(found), _NAME_BYTES, flags | _IS_UP)
        fcntl.ioctl(any_socket, _SET_FLAGS, bytes(changed))
