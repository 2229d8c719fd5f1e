"""Runs the command line, as `ytdnn` and as `python -m ytdnn`."""

import sys

from ytdnn import errors


def run() -> int:
    """Runs the command line; an interrupt while its modules load is a line, too."""
    try:
        from ytdnn.cli import main

        return main.main()
    except KeyboardInterrupt:
        print(f"ytdnn: error: {errors.INTERRUPTED}", file=sys.stderr)
        return errors.INTERRUPTED_STATUS


if __name__ == "__main__":
    sys.exit(run())
