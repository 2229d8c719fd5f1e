"""Runs the command line, as `ytdnn` and as `python -m ytdnn`."""

import _thread
import sys
import threading

from ytdnn.base import errors

_SECONDS_TO_RAISE_AGAIN = 0.1
_is_running = threading.Event()


def run() -> int:
    """Runs the command line; an interrupt while modules load is one line too."""
    sys.unraisablehook = _unraisable
    _is_running.set()
    try:
        from ytdnn.run.cli import main

        return main.main()
    except KeyboardInterrupt:
        print(f"ytdnn: error: {errors.INTERRUPTED}", file=sys.stderr)
        return errors.INTERRUPTED_STATUS
    finally:
        _is_running.clear()


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
