"""The pipeline: the graph of a run's steps, and the Python API.

`api` has the functions users call (prepare, train, evaluate, export), `recommender`
answers requests with a bundle, `bulk` writes the answers for many users into
files, `removing` takes videos out of a bundle, `adding` adds new ones, `refreshing`
continues the training of a run on new events, `live_tests` runs live tests in the
synthetic world, `tuning` finds settings of the index; `graph` declares the output and
the inputs of each step, `steps` runs it; `workdir` is a run's directory. Slow imports
are made when a function is called: `import ytdnn` loads neither TensorFlow nor Polars.
"""

from ytdnn.pipeline.adding import Added, add_videos
from ytdnn.pipeline.api import TrainedRun, evaluate, export, prepare, refit, run, train
from ytdnn.pipeline.bulk import (
    write_recommendations,
    write_similar,
    write_user_vectors,
    write_video_vectors,
)
from ytdnn.pipeline.live_tests import live_test
from ytdnn.pipeline.recommender import Recommender
from ytdnn.pipeline.refreshing import refresh
from ytdnn.pipeline.removing import remove_videos, restore_videos
from ytdnn.pipeline.tuning import tune_index

__all__ = [
    "Added",
    "Recommender",
    "TrainedRun",
    "add_videos",
    "evaluate",
    "export",
    "live_test",
    "prepare",
    "refit",
    "refresh",
    "remove_videos",
    "restore_videos",
    "run",
    "train",
    "tune_index",
    "write_recommendations",
    "write_similar",
    "write_user_vectors",
    "write_video_vectors",
]
