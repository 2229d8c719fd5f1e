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

    def end(number: int, frame: types.FrameType | None) -> None:
        errors.SIGNALS.append(number)
        raise KeyboardInterrupt

    sys.unraisablehook = _unraisable
    before = {signal.SIGTERM: signal.signal(signal.SIGTERM, end)}
    if signal.getsignal(signal.SIGINT) == signal.default_int_handler:  # not ignored
        before[signal.SIGINT] = signal.signal(signal.SIGINT, end)
    _is_running.set()
    try:
        from ytdnn.run.cli import main

        status = main.main()
    except BaseException as error:
        if not errors.SIGNALS and not isinstance(error, KeyboardInterrupt):
            raise
        print(f"ytdnn: error: {errors.INTERRUPTED}", file=sys.stderr)
        status = errors.INTERRUPTED_STATUS
    finally:
        _is_running.clear()
        for number, handler in before.items():
            signal.signal(number, handler)
        is_terminated = signal.SIGTERM in errors.SIGNALS
        errors.SIGNALS.clear()
    is_terminated &= status == errors.INTERRUPTED_STATUS
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
