"""Settings that are chosen for a log (docs/defaults.md).

A component's `auto` names the settings that are chosen here: by default all of them
except those the user sets. Candidates have a portfolio of settings, between which
validation decides (`ytdnn/training/contest.py`). Their epochs and batches, and the
ranker's settings, follow the size of the log: they interpolate between tuned runs.
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

# Members: the one of runs without a contest, and the one that fits every setting.
UNCONTESTED, RANDOM = "wide", "random"

_UNIT = 100_000  # watches, of which the numbers below are
# Of full softmax, which scores every video for every watch.
_MOST_VIDEOS = 20_000
_MOST_SCORES = 2e10  # of an epoch
_MOST_SCORES_OF_WIDE = 5e9  # of vectors four times as wide
# Wide vectors, up to so many videos; 64 coordinates of more, for memory.
_WIDE = ((50_000, 256), (500_000, 128))
_NARROW = 32
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
      member: Member of the portfolio that won the contest of candidates; empty: there
        was none.
    """

    watches: int
    users: int
    videos: int
    impressions: int = 0
    member: str = ""


def portfolio(size: LogSize) -> dict[str, dict[str, Any]]:
    """Returns the members of the contest of candidates, the cheapest first.

    Args:
      size: Size of the log.

    Returns:
      Settings by the names of `OF_CANDIDATES`, for each member.
    """
    return {
        "narrow": _narrow(size),
        "narrow_dot": _narrow_dot(size),
        "medium": _medium(size),
        UNCONTESTED: _wide(size, is_full=False),
        RANDOM: _random(size),
        "wide_full": _wide(size, is_full=True),
    }


def members(size: LogSize, own: Any) -> dict[str, dict[str, Any]]:
    """Returns the settings of the members of the contest that fit the user's own.

    Rows that are not videos, those of a tree, have no counted start.

    Args:
      size: Size of the log.
      own: The `CandidatesConfig`; its `auto` names those that are not given.
    """
    given = set(OF_CANDIDATES) - set(own.auto)

    def fits(values: dict[str, Any]) -> bool:
        start, similarity = values["initial_vectors"], values["similarity"]
        return (
            ("initial_vectors" not in given or start == own.initial_vectors)
            and (
                "similarity" not in given
                or (similarity == "dot") == (own.similarity == "dot")
            )
            and ("loss" not in given or networks.rows_are_videos(own.loss))
        )

    known = portfolio(size)
    fitting = {name: values for name, values in known.items() if fits(values)}
    return fitting or {RANDOM: known[RANDOM]}


def _narrow(size: LogSize) -> dict[str, Any]:
    """Few dimensions and much dropout, for weak co-watching, which others overfit."""
    return {
        **_counted(size, size.watches // 10, at_unit=8),
        "embedding_dim": _NARROW,
        "tower": (4 * _NARROW, 2 * _NARROW),
        "dropout": 0.4,
    }


def _narrow_dot(size: LogSize) -> dict[str, Any]:
    """The same with lengths of users too, and the exact loss while affordable."""
    is_full = _affords_all(size, _MOST_SCORES)
    return {
        **_narrow(size),
        "similarity": "dot",
        "loss": _softmax(size, is_full, 0.1),
        **(_steps_of("adam") if is_full else {}),
    }


def _medium(size: LogSize) -> dict[str, Any]:
    """Vectors as long as a factorisation makes them, where tastes last."""
    return {
        **_counted(size, size.watches // 10, at_unit=6),
        "embedding_dim": min(128, _wide_dim(size)),
        "initial_vectors": "factored",
        "training.patience": 2,
    }


def _wide(size: LogSize, is_full: bool) -> dict[str, Any]:
    """Vectors of one length, which tell pairs of related videos apart."""
    is_full = is_full and _affords_all(size, _MOST_SCORES_OF_WIDE)
    return {
        **_counted(size, size.watches // 10, at_unit=6),
        "embedding_dim": _wide_dim(size),
        "similarity": "cosine",
        "temperature": 0.1,
        "loss": _softmax(size, is_full, 0.3),
        "training.patience": 2,
    }


def _wide_dim(size: LogSize) -> int:
    return next((dim for most, dim in _WIDE if size.videos <= most), 64)


def _random(size: LogSize) -> dict[str, Any]:
    """A start at random, where co-watching tells little beside popularity."""
    is_full = _affords_all(size, _MOST_SCORES)
    epochs = _epochs(size.watches, at_unit=30)
    return {
        **_counted(size, size.watches, at_unit=30),
        "embedding_dim": 64,
        "initial_vectors": "random",
        "skip_connection": "none",
        "dropout": 0.3,
        "similarity": "dot",
        "temperature": 1.0,
        "loss": _softmax(size, is_full, 0.1),
        "training.patience": max(5, epochs // 2),
        **_steps_of("adam" if is_full else "adagrad"),
    }


def _counted(size: LogSize, events: int, at_unit: int) -> dict[str, Any]:
    """A start at counted co-watching; others change some of these settings.

    Args:
      size: Size of the log.
      events: Watches that the number of epochs follows.
      at_unit: Most epochs.
    """
    examples = size.watches / (1.0 + size.videos / _VIDEOS_OF_AN_EXAMPLE)
    return {
        "embedding_dim": 64,
        "initial_vectors": "co_watched",
        "tower": (512, 256),
        "skip_connection": "linear",
        "dropout": 0.2,
        "history_dropout": 0.25,
        "similarity": "user_cosine",
        "temperature": 0.15,
        "loss": _softmax(size, False),
        # So many, with two lists each, take at most a fifth of an epoch to validate.
        "validation_users": max(
            _LEAST_VALIDATION_USERS, min(_VALIDATION_USERS, int(examples / 10.0))
        ),
        "training.epochs": _epochs(events, at_unit),
        "training.patience": 3,
        "training.batch_size": _batch_size(size.watches),
        "training.table_optimizer": "adagrad",
        "training.table_learning_rate": 0.02,
        "training.table_gradient": "sum",
    }


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
        epochs, rates = 7 * millions**-0.15, (5e-4, 3e-4)
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


def _softmax(size: LogSize, is_full: bool, smoothing: float = 0.0) -> Any:
    """Returns the loss over all videos with label smoothing, or over a sample."""
    if is_full:
        return networks.FullSoftmaxConfig(label_smoothing=smoothing)
    return networks.SampledSoftmaxConfig(num_negatives=min(1_024, size.videos))


def _steps_of(optimizer: str) -> dict[str, Any]:
    return {"training.table_optimizer": optimizer, **STEPS_OF_TABLES[optimizer]}


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
    return dataclasses.replace(component, **changed)  # type: ignore[type-var]


def left(names: tuple[str, ...], given: str) -> tuple[str, ...]:
    """Returns the names without the given setting, or without its parent.

    >>> left(("tower", "loss"), "loss.label_smoothing")
    ('tower',)
    """
    return tuple(n for n in names if given != n and not given.startswith(f"{n}."))
