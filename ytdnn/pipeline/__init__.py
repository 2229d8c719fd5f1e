"""The pipeline: the graph of a run's steps, and the Python API.

`arrows` are the functions users call (prepare, train, evaluate, export), `recommender`
asks a bundle, `everybody` writes its answers for many into files, `removing` takes
videos out of it, `adding` puts new ones in, `refreshing` lets a run learn from the
events since, `live_tests` lets a world go on, `tuning` finds settings of the index;
`graph` says what each step makes, from what, whether it is current and what is next,
`steps` does it; `workdir` is a run's directory. What takes long to import is imported
when called: `import ytdnn` loads neither TensorFlow nor Polars.
"""

from ytdnn.pipeline.adding import Added, add_videos
from ytdnn.pipeline.arrows import Trained, evaluate, export, prepare, refit, run, train
from ytdnn.pipeline.everybody import (
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
    "Trained",
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
