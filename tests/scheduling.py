"""Which worker runs what: rooms that share runs in one, the dearest files first."""

import os
import pathlib
from typing import Any

ROOT = pathlib.Path(__file__).parent

# Whose files share a trained run or a server, which each worker would open anew.
ROOMS = ("lab/live", "run/pipeline", "ops/server", "bundle")
# Files of them that share nothing.
ALONE = (
    "ops/cluster/test_cluster.py",
    "run/pipeline/test_encoders.py",
    "ops/refresh/test_refreshing.py",
    "run/pipeline/test_small_logs.py",
    "ops/server/test_start.py",
    "bundle/test_composition.py",
)
# The rooms, and files of 20 seconds of processor time and more, the dearest first: they
# are handed out before all others, so that no worker is left with one at the end.
DEAREST = (
    "ops/catalogue/test_add_videos.py",  # and with it the room
    "ops/cluster/test_cluster.py",
    "ops/server/test_hot_swap.py",  # and the room
    "ops/refit/test_refitting.py",  # and the room
    "lab/live/test_play.py",  # and the room
    "test_readme.py",
    "bundle/test_composition.py",
    "training/test_loop.py",
    "test_benchmarks.py",
    "run/cli/test_end_to_end.py",
    "test_experiments.py",
    "run/pipeline/test_encoders.py",
    "ops/spark/test_spark.py",
    "training/test_ensemble.py",
    "training/test_ranking.py",
    "training/test_candidate_batches.py",
    "bundle/test_bundle.py",
    "ops/server/test_start.py",
    "ops/cluster/test_losses.py",
    "training/test_impression_batches.py",
    "lab/live/test_refreshed.py",
    "run/pipeline/test_recommender.py",
    "candidates/losses/test_sampled_softmax.py",
    "lab/world/test_truth.py",
    "run/pipeline/test_small_logs.py",
    "run/cli/test_own_columns.py",
    "ops/catalogue/test_remove_videos.py",
    "retrieval/index/test_lsh_example.py",
)


def place(path: pathlib.Path) -> int:
    """Returns where a file stands in the order of the suite; ties keep their order."""
    name = _name(path)
    return DEAREST.index(name) if name in DEAREST else len(DEAREST)


def group(path: pathlib.Path) -> str:
    """Returns what one worker runs as a whole: a room, or the file itself."""
    name = _name(path)
    room = name.rpartition("/")[0]
    return room if room in ROOMS and name not in ALONE else name


def _name(path: pathlib.Path) -> str:
    return pathlib.PurePath(os.path.relpath(path, ROOT)).as_posix()


def by_room(config: Any, log: Any) -> Any:
    """Returns the scheduler of xdist that hands out these groups."""
    from xdist.scheduler import LoadScopeScheduling

    class ByRoom(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group(ROOT.parent / nodeid.partition("::")[0])

    return ByRoom(config, log)
