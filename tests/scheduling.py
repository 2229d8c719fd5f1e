"""Which worker runs what: rooms that share runs in one, the dearest files first."""

import os
import pathlib
from typing import Any

ROOT = pathlib.Path(__file__).parent

# Whose files share a trained run or a server, which each worker would open anew.
ROOMS = ("live", "pipeline", "server", "serving")
# Files of them that share nothing.
ALONE = (
    "pipeline/test_cluster.py",
    "pipeline/test_encoders.py",
    "pipeline/test_refresh.py",
    "pipeline/test_small_logs.py",
    "server/test_start.py",
    "serving/test_composition.py",
)
# The rooms, and files of 20 seconds of processor time and more, the dearest first: they
# are handed out before all others, so that no worker is left with one at the end.
DEAREST = (
    "serving/test_additions.py",  # and with it the room
    "pipeline/test_cluster.py",
    "server/test_hot_swap.py",  # and the room
    "pipeline/test_refit.py",  # and the room
    "live/test_play.py",  # and the room
    "test_readme.py",
    "serving/test_composition.py",
    "training/test_loop.py",
    "test_benchmarks.py",
    "cli/test_end_to_end.py",
    "test_experiments.py",
    "pipeline/test_encoders.py",
    "training/test_several_processes.py",
    "data/test_spark.py",
    "training/test_ensemble.py",
    "training/test_ranking.py",
    "training/test_candidate_batches.py",
    "serving/test_bundle.py",
    "server/test_start.py",
    "training/test_sharded_tables.py",
    "training/test_impression_batches.py",
    "live/test_refreshed.py",
    "features/test_affinity.py",
    "pipeline/test_recommender.py",
    "candidates/losses/test_sampled.py",
    "world/test_truth.py",
    "pipeline/test_small_logs.py",
    "cli/test_own_columns.py",
    "serving/test_removals.py",
    "index/test_lsh.py",
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
