"""The pipeline: the graph of a run's steps, and the Python API.

`api` has the functions that users call, `recommender` answers requests with a bundle,
`bulk_answers` writes the answers for many users into files;
`graph` declares the output and the inputs of each step, `steps` runs it; `workdir` is a
run's directory. The other functions are registered (`registries.HOOKS`). Slow imports
happen when a function is called: `import ytdnn` loads neither TensorFlow nor Polars.
"""

from typing import Any

from ytdnn.base import registries
from ytdnn.run.pipeline.api import TrainedRun as TrainedRun
from ytdnn.run.pipeline.api import evaluate as evaluate
from ytdnn.run.pipeline.api import export as export
from ytdnn.run.pipeline.api import prepare as prepare
from ytdnn.run.pipeline.api import run as run
from ytdnn.run.pipeline.api import train as train
from ytdnn.run.pipeline.bulk_answers import (
    write_recommendations as write_recommendations,
)
from ytdnn.run.pipeline.bulk_answers import write_similar as write_similar
from ytdnn.run.pipeline.bulk_answers import write_user_vectors as write_user_vectors
from ytdnn.run.pipeline.bulk_answers import write_video_vectors as write_video_vectors
from ytdnn.run.pipeline.recommender import Recommender as Recommender


def __getattr__(name: str) -> Any:
    """Returns a registered function of the API, imported on first use (PEP 562)."""
    # A missing one is named by the registry.
    if name not in (*registries.HOOKS.own(), *registries.HOOKS.missing):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return registries.HOOKS[name].make
