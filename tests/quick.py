"""`python -m tests.quick`: the program, with constants that fit a small log.

A table of a few rows is sharded, and checkpoints follow each other in seconds.
"""

import os
import sys

from ytdnn import __main__, configs
from ytdnn.ops.cli import cluster

PROGRAM = (sys.executable, "-m", "tests.quick")


def main() -> int:
    """Runs the command line."""
    configs.TrainingConfig.checkpoint_every_steps = 4
    configs.ClusterConfig.shard_megabytes = 0.0005
    configs.ClusterConfig.start_seconds = int(os.environ.get("START_SECONDS", "90"))
    configs.ClusterConfig.lost_seconds = int(os.environ.get("LOST_SECONDS", "60"))
    cluster._PROGRAM = PROGRAM
    return __main__.run()


if __name__ == "__main__":
    sys.exit(main())
