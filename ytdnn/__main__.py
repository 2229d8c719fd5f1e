"""Runs the command line, as `ytdnn` and as `python -m ytdnn`."""

import _thread
import signal
import sys
import threading
import types

from ytdnn.base import errors

_SECONDS_TO_RAISE_AGAIN = 0.1
_is_running = threading.Event()


def run() -> int:
    """Runs the command line; an interrupt while modules load is one line too.

    SIGTERM, by which containers and batch systems end a program, is an interrupt with
    its own exit status, 143.
    """
    terminations: list[int] = []

    def terminate(number: int, frame: types.FrameType | None) -> None:
        terminations.append(number)
        raise KeyboardInterrupt

    sys.unraisablehook = _unraisable
    before = signal.signal(signal.SIGTERM, terminate)
    _is_running.set()
    try:
        from ytdnn.run.cli import main

        status = main.main()
    except KeyboardInterrupt:
        print(f"ytdnn: error: {errors.INTERRUPTED}", file=sys.stderr)
        status = errors.INTERRUPTED_STATUS
    finally:
        _is_running.clear()
        signal.signal(signal.SIGTERM, before)
    is_terminated = terminations and status == errors.INTERRUPTED_STATUS
    return 128 + signal.SIGTERM if is_terminated else status


def _unraisable(unraisable: "sys.UnraisableHookArgs") -> None:
    """Raises an interrupt again that came where Python cannot raise one.

    In a callback of a weak reference, which TensorFlow has thousands of, Python would
    print a stack trace and continue. If Polars itself raised a first interrupt, the
    second is dropped if the command has ended by then.
    """
    if unraisable.exc_type is not KeyboardInterrupt:
        sys.__unraisablehook__(unraisable)
        return
    again = threading.Timer(_SECONDS_TO_RAISE_AGAIN, _interrupt)
    again.daemon = True
    again.start()


def _interrupt() -> None:
    if _is_running.is_set():
        _thread.interrupt_main()


if __name__ == "__main__":
    sys.exit(run())
