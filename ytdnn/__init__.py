"""ytdnn: the two-stage recommender of Covington et al. (RecSys 2016).

    recommender = ytdnn.Recommender.load("runs/quickstart/bundle")
    print(recommender.recommend(["u1", "u2"], k=5))

The names below are loaded on first use (docs/python.md): the import itself loads
neither TensorFlow nor Polars.

Importing the package selects Keras 2 (`tf-keras`), which TensorFlow Recommenders needs.
That works only before `tf.keras` is first used, so import `ytdnn` before any library
that uses it.
"""

import importlib
import logging
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ytdnn.base import configs, registries
    from ytdnn.base.configs import Config
    from ytdnn.base.errors import UserError
    from ytdnn.lab.index_tuning.tuning import tune_index
    from ytdnn.lab.live.live_tests import live_test
    from ytdnn.ops.catalogue.add_videos import add_videos
    from ytdnn.ops.catalogue.remove_videos import remove_videos, restore_videos
    from ytdnn.ops.refit.refitting import refit
    from ytdnn.ops.refresh.refreshing import refresh
    from ytdnn.run.pipeline import (
        Recommender,
        evaluate,
        export,
        prepare,
        train,
        write_recommendations,
        write_similar,
        write_user_vectors,
        write_video_vectors,
    )

__all__ = [
    "Config",
    "Recommender",
    "UserError",
    "add_videos",
    "configs",
    "evaluate",
    "export",
    "live_test",
    "prepare",
    "refit",
    "refresh",
    "registries",
    "remove_videos",
    "restore_videos",
    "train",
    "tune_index",
    "write_recommendations",
    "write_similar",
    "write_user_vectors",
    "write_video_vectors",
]

__version__ = "0.3.0"


def _select_keras_2() -> None:
    """Sets `TF_USE_LEGACY_KERAS`, refusing a process already on Keras 3."""
    if os.environ.get("TF_USE_LEGACY_KERAS") == "1":
        return
    if "keras.src" in sys.modules and "tensorflow" in sys.modules:
        raise ImportError(
            "expected Keras 2 (tf-keras), but tf.keras is already Keras 3 in this "
            "process: import ytdnn first, or set TF_USE_LEGACY_KERAS=1."
        )
    os.environ["TF_USE_LEGACY_KERAS"] = "1"


_select_keras_2()
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if os.environ["TF_CPP_MIN_LOG_LEVEL"] in ("2", "3"):
    # TensorFlow's notes are about graphs of this package, no matter of users'.
    # Filters, since TensorFlow sets the level of its logger anew in a notebook.
    for _name in ("tensorflow", "absl"):
        logging.getLogger(_name).setLevel(logging.ERROR)
        logging.getLogger(_name).addFilter(
            lambda record: record.levelno >= logging.ERROR
        )
# Polars panics at a datetime of a fixed offset, as pandas writes "+05:30" into Parquet.
os.environ.setdefault("POLARS_IGNORE_TIMEZONE_PARSE_ERROR", "1")


# Where each name of the face lives.
_ROOMS = {"Config": "base.configs", "UserError": "base.errors"}
_OTHERS = "run.pipeline"


def __getattr__(name: str) -> Any:
    """Returns a name of the public API, imported on first use (PEP 562)."""
    if name in ("configs", "registries"):
        return importlib.import_module(f"ytdnn.base.{name}")
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    room = importlib.import_module(f"ytdnn.{_ROOMS.get(name, _OTHERS)}")
    part = getattr(room, name)
    if name in _ROOMS:
        return part
    return importlib.import_module("ytdnn.base.errors").checked(part)


def __dir__() -> list[str]:
    """Returns the names of the public API too, for completion."""
    return sorted({*globals(), *__all__})
