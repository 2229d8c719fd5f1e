"""Settings that 0.3 had and that are constants now, each with its value.

The config of a run of 0.3 that has this value is read as before; a flag, a file or
another value is an error. The code that reads the constant has its reason.
"""

from collections.abc import Mapping
from typing import Any

_TRAINING = {
    "schedule": "cosine",
    "clip_norm": 0.0,
    "ema_decay": 0.0,
    "checkpoint_every_steps": 2_000,
}
VALUES: Mapping[str, Any] = {
    "data.min_search_token_count": 2,
    "candidates.kept_networks": "all",
    "candidates.serving_dim": 0,
    "candidates.loss.correct_positive": False,
    "candidates.window_events": 1 << 24,
    "ranking.window_events": 1 << 23,
    "ranking.attention_units": 0,
    "ranking.ensemble_size": 1,
    "ranking.head.weights": "seconds",
    "ranking.shared_table": True,
    "index.also": [],
    "index.search.dimensions_per_block": 2,
    "index.search.min_videos": 2_000,
    "composition.blend_weight": 0.0,
    "composition.explore_top": 50,
    "composition.young_days": 7.0,
    "evaluation.similarity_by": "",  # the first column of vectors, else topic, channel
    "evaluation.off_policy_most_weight": 0.0,  # no bound
    "evaluation.window_events": 1 << 23,
    "cluster.start_seconds": 300,
    "cluster.lost_seconds": 60,
    "cluster.shard_megabytes": 64.0,
    **{f"candidates.training.{name}": value for name, value in _TRAINING.items()},
    **{f"ranking.training.{name}": value for name, value in _TRAINING.items()},
}


def has_value(path: str, value: Any) -> bool:
    """Whether a setting is a constant and has its value.

    Args:
      path: Path of the setting, which may lack its section.
      value: Its value, as read from JSON.
    """
    return any(
        f".{known}".endswith(f".{path}") and value == own
        for known, own in VALUES.items()
    )


def without(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Returns the nested dicts of a config without the constants with their value.

    Args:
      values: The config or a section of it, as read from JSON.
      prefix: Path of these settings in it, such as `candidates.`.
    """
    return {
        name: without(value, f"{prefix}{name}.") if isinstance(value, dict) else value
        for name, value in values.items()
        if not has_value(f"{prefix}{name}", value)
    }


def message(path: str) -> str:
    """Returns the error about a constant that is set; empty for other settings."""
    return f"config.{path} is a constant now: leave it out" if path in VALUES else ""
