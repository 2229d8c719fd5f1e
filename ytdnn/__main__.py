"""Runs the command line as `python -m ytdnn`."""

import sys

from ytdnn.cli import main

if __name__ == "__main__":
    sys.exit(main.main())
