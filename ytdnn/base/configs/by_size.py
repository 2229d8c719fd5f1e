"""Settings chosen from the size and shape of the log (docs/defaults.md).

A component's `auto` names the settings that are chosen here: by default all of them
except those the user sets. Whether candidates start from counted co-watching was chosen
on validation of several logs (experiments/shape_of_log.py); the other rules interpolate
between two tuned runs, MovieLens-100K and MovieLens-1M (experiments/).
"""

import dataclasses
import math
from typing import Any, Literal, TypeVar, get_args

from ytdnn.base.configs import networks

_T = TypeVar("_T")

CandidateSetting = Literal[
    "embedding_dim",
    "initial_vectors",
    "tower",
    "skip_connection",
    "dropout",
    "history_dropout",
    "similarity",
    "temperature",
    "loss",
    "validation_users",
    "training.epochs",
    "training.patience",
    "training.batch_size",
    "training.table_optimizer",
    "training.table_learning_rate",
    "training.table_gradient",
]
RankingSetting = Literal[
    "tower",
    "dropout",
    "least_impressions",
    "training.epochs",
    "training.batch_size",
    "training.learning_rate",
    "training.table_learning_rate",
]
_ADAM = {"training.table_learning_rate": 1e-3, "training.table_gradient": "mean"}
# Of a random start; also where only the optimiser is the user's own.
STEPS_OF_TABLES: dict[str, dict[str, Any]] = {
    "adagrad": {
        "training.table_learning_rate": 0.1,
        "training.table_gradient": "sum",
    },
    "lazy_adam": _ADAM,
    "adam": _ADAM,
}
OF_CANDIDATES: tuple[CandidateSetting, ...] = get_args(CandidateSetting)
OF_RANKING: tuple[RankingSetting, ...] = get_args(RankingSetting)

_UNIT = 100_000  # watches, of which the numbers below are
_MANY_WATCHES = 500_000
# Of full softmax, which scores every video for every watch.
_MOST_VIDEOS = 20_000
_MOST_SCORES = 2e10  # of an epoch
_MOST_SCORES_OF_WIDE = 5e9  # of vectors four times as wide
# Vectors of one length tell nothing of popularity: they need related videos that are
# watched together so many times as often as by chance.
_LEAST_LIFT_OF_ONE_LENGTH = 3.0
# The smoothing of full softmax costs where order tells the next video that well.
_MOST_ORDER_TO_SMOOTH = 6.0
# Watches a user times the lift less one, below which co-watching says little; where the
# lift is not known, watches a user.
_LEAST_CO_WATCHING = 3.0
_FEW_WATCHES_A_USER = 5
# Counting has found nearly all, which large steps would undo, where videos have few
# watches, many users long histories, and their order tells nothing.
_FEW_WATCHES_A_VIDEO = 30
_MOST_WITHOUT_ORDER = 1.15
_MANY_WATCHES_A_USER = 20
_FEW_USERS_A_VIDEO = 0.1
# Coordinates of counted vectors, up to so many videos; 64 of more, for memory.
_DIM_WITH_SMALL_STEPS = (50_000, 64)
_DIM_WITH_LARGE_STEPS = (50_000, 256)
_DIM_OF_MANY_VIDEOS = (500_000, 128)
_VALIDATION_USERS = 10_000
_LEAST_VALIDATION_USERS = 1_000
_VIDEOS_OF_AN_EXAMPLE = 10_000  # that are scored in the time of a training example


@dataclasses.dataclass(frozen=True)
class LogSize:
    """The size of a log, for the choice of settings.

    Attributes:
      watches: Number of watches in the log.
      users: Number of users with a watch.
      videos: Number of videos with an id embedding.
      impressions: Number of impressions in the log; 0: there are none.
      order: How often pairs of neighbouring watches repeat for each repeat of distant
        ones; 1: the order of watches tells nothing; 0: not known.
      lift: How often pairs of neighbouring watches repeat for each repeat by chance; 1:
        co-watching tells nothing beside popularity; 0: not known.
    """

    watches: int
    users: int
    videos: int
    impressions: int = 0
    order: float = 0.0
    lift: float = 0.0


def candidates(size: LogSize) -> dict[str, Any]:
    """Returns the settings of candidate generation, by the names of `OF_CANDIDATES`.

    Args:
      size: Size of the log.
    """
    if not has_counted_start(size):
        return random_start(size)
    return counted_start(size, has_small_steps(size))


def has_counted_start(size: LogSize) -> bool:
    """Returns whether users watch enough for co-watching to say something."""
    if not size.lift:
        return size.watches >= max(1, _FEW_WATCHES_A_USER * size.users)
    return size.watches * (size.lift - 1.0) >= _LEAST_CO_WATCHING * size.users


def has_small_steps(size: LogSize) -> bool:
    """Returns whether a counted start is changed little by training."""
    return (
        size.watches < _FEW_WATCHES_A_VIDEO * size.videos
        and size.watches >= _MANY_WATCHES_A_USER * size.users
        and size.users >= _FEW_USERS_A_VIDEO * size.videos
        and 0.0 < size.order < _MOST_WITHOUT_ORDER
    )


def random_start(size: LogSize) -> dict[str, Any]:
    """Returns the settings of a network whose vectors are drawn at random.

    Args:
      size: Size of the log.
    """
    is_small = _affords_all(size, _MOST_SCORES)
    dim = 128 if is_small and size.watches >= _MANY_WATCHES else 64
    epochs = _epochs(size.watches, at_unit=30)
    optimizer = "adam" if is_small else "adagrad"
    return {
        "embedding_dim": dim,
        "initial_vectors": "random",
        "tower": (8 * dim, 4 * dim),
        "skip_connection": "none",
        "dropout": 0.3,
        "history_dropout": 0.25,
        "similarity": "dot",
        "temperature": 1.0,
        "loss": _full_softmax(0.1) if is_small else _sampled_softmax(size.videos),
        "validation_users": _validation_users(size),
        "training.epochs": epochs,
        "training.patience": max(5, epochs // 2),
        "training.batch_size": _batch_size(size.watches),
        "training.table_optimizer": optimizer,
        **STEPS_OF_TABLES[optimizer],
    }


def counted_start(size: LogSize, small_steps: bool) -> dict[str, Any]:
    """Returns the settings of a network whose vectors start from counted co-watching.

    Args:
      size: Size of the log.
      small_steps: Whether training changes them little.
    """
    is_cosine = not small_steps and size.lift >= _LEAST_LIFT_OF_ONE_LENGTH
    is_full = (
        is_cosine
        and size.order < _MOST_ORDER_TO_SMOOTH
        and _affords_all(size, _MOST_SCORES_OF_WIDE)
    )
    # Large steps go on learning up to a million watches.
    events = size.watches if small_steps else size.watches // 10
    epochs = _epochs(events, at_unit=6 if is_cosine else 8)
    return {
        "embedding_dim": _counted_dim(size.videos, small_steps),
        "initial_vectors": "co_watched",
        "tower": (512, 256),
        "skip_connection": "linear",
        "dropout": 0.0 if small_steps else 0.2,
        "history_dropout": 0.25,
        "similarity": "cosine" if is_cosine else "user_cosine",
        "temperature": 0.1 if is_cosine else 0.15,
        "loss": _full_softmax(0.3) if is_full else _sampled_softmax(size.videos),
        "validation_users": _validation_users(size),
        "training.epochs": epochs,
        "training.patience": 1 if small_steps else 2 if is_cosine else 3,
        "training.batch_size": _batch_size(size.watches),
        "training.table_optimizer": "adagrad",
        "training.table_learning_rate": 0.001 if small_steps else 0.02,
        "training.table_gradient": "sum",
    }


def _counted_dim(videos: int, small_steps: bool) -> int:
    """Returns the width of counted vectors.

    Pairs of related videos, which large steps learn, need more dimensions than tastes.
    """
    few = _DIM_WITH_SMALL_STEPS if small_steps else _DIM_WITH_LARGE_STEPS
    for most, dim in (few, _DIM_OF_MANY_VIDEOS):
        if videos <= most:
            return dim
    return 64


def _validation_users(size: LogSize) -> int:
    """Returns the number of users that take at most a tenth of an epoch to validate."""
    examples = size.watches / (1.0 + size.videos / _VIDEOS_OF_AN_EXAMPLE)
    most = max(_LEAST_VALIDATION_USERS, int(examples / 10.0))
    return min(_VALIDATION_USERS, most)


def ranking(size: LogSize) -> dict[str, Any]:
    """Returns the settings of ranking, by the names of `OF_RANKING`.

    Args:
      size: Size of the log.
    """
    millions = max(1, size.impressions) / 1_000_000
    is_small = millions < 1.0
    if millions < 0.5:
        # In few steps the vectors of videos and categories would stay at their start.
        epochs, rates = 6 * millions**-0.15, (1e-3, 3e-3)
    elif is_small:
        epochs, rates = 10 * millions**-0.15, (5e-4, 3e-4)
    else:
        epochs, rates = 10 * millions**-0.4, (1e-3, 3e-4)
    exponent = round(math.log2(1_024 * millions**0.5))
    return {
        "tower": (256, 64) if is_small else (512, 256),
        "dropout": 0.3 if is_small else 0.2,
        "least_impressions": 200_000,
        "training.epochs": max(2, min(20, round(epochs))),
        "training.batch_size": int(min(4_096, max(64, 2**exponent))),
        "training.learning_rate": rates[0],
        "training.table_learning_rate": rates[1],
    }


def _epochs(events: int, at_unit: int) -> int:
    """Returns fewer epochs of more events, but more steps in all."""
    return max(2, min(at_unit, round(at_unit * _units(events) ** -0.4)))


def _batch_size(watches: int) -> int:
    """Returns the power of two for about 200 to 500 steps in an epoch."""
    exponent = round(math.log2(512 * _units(watches) ** 0.6))
    return int(min(4_096, max(64, 2**exponent)))


def _units(events: int) -> float:
    return max(1, events) / _UNIT


def _affords_all(size: LogSize, most_scores: float) -> bool:
    """Returns whether every video can be scored for every watch of an epoch."""
    return size.videos <= _MOST_VIDEOS and size.watches * size.videos <= most_scores


def _full_softmax(label_smoothing: float) -> networks.FullSoftmaxConfig:
    return networks.FullSoftmaxConfig(label_smoothing=label_smoothing)


def _sampled_softmax(videos: int) -> networks.SampledSoftmaxConfig:
    return networks.SampledSoftmaxConfig(num_negatives=min(1_024, videos))


def filled(component: _T, names: tuple[str, ...], values: dict[str, Any]) -> _T:
    """Returns a component with the rule's values for the settings `names`.

    Args:
      component: Frozen component.
      names: Names of settings, those of `training` as "training.NAME".
      values: Values by name.
    """
    changed: dict[str, Any] = {}
    for name in names:
        parent, _, last = name.rpartition(".")
        if parent:
            own = changed.get(parent, getattr(component, parent))
            changed[parent] = dataclasses.replace(own, **{last: values[name]})
        else:
            changed[last] = values[name]
    whole: _T = dataclasses.replace(component, **changed)  # type: ignore[type-var]
    return whole


def left(names: tuple[str, ...], given: str) -> tuple[str, ...]:
    """Returns the names without the given setting, or without its parent.

    >>> left(("tower", "loss"), "loss.label_smoothing")
    ('tower',)
    """
    return tuple(n for n in names if given != n and not given.startswith(f"{n}."))
