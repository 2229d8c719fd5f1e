"""The pipeline: the graph of a run's steps, and the Python API.

`api` has the functions that users call, `recommender` answers requests with a bundle,
`bulk_answers` writes the answers for many users into files;
`graph` declares the output and the inputs of each step, `steps` runs it; `workdir` is a
run's directory. The other functions are registered (`registries.HOOKS`). Slow imports
happen when a function is called: `import ytdnn` loads neither TensorFlow nor Polars.
"""

from typing import Any

from ytdnn.base import registries
from ytdnn.run.pipeline.api import TrainedRun, evaluate, export, prepare, run, train
from ytdnn.run.pipeline.bulk_answers import (
    write_recommendations,
    write_similar,
    write_user_vectors,
    write_video_vectors,
)
from ytdnn.run.pipeline.recommender import Recommender

__all__ = [
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


def __getattr__(name: str) -> Any:
    """Returns a registered function of the API, imported on first use (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return registries.HOOKS[name].make
