"""Settings of earlier versions that are constants now, each with its value.

No experiment, page or user's log had a reason for another value; the code that reads
the constant has the reason. Old configs, flags and artefacts that have this value are
read as before; another value is an error that names the constant.
"""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

BY_CLASS: Mapping[str, Mapping[str, Any]] = {
    "WorldConfig": {"vector_noise": 0.5, "impressions_per_page": 8},
    "DataConfig": {"max_search_tokens": 1_000_000},
    "TrainingConfig": {"warmup_steps": 0, "table_optimizers": []},
    "BPRConfig": {"proposal_exponent": 0.0},
    "CompositionConfig": {
        "share_co_watched": 0.13,
        "share_fresh_uploads": 0.2,
        "share_popular": 0.0,
        "co_watched_by": "order",
        "sources": [],  # before 0.3: those of the shares
        "diversity_top": 50,
        "operators": [],
        "request_fields": [],
    },
    "ContentConfig": {"id_dropout": 0.2},
    "SampledSoftmaxConfig": {"uniform_share": 0.0, "log_uniform_share": 0.0},
    "WARPConfig": {"margin": 1.0, "proposal_exponent": 0.0},
    "CandidatesConfig": {"tied_tables": False, "hashed_rows": 0, "bias": True},
    "ClusterConfig": {"checkpoints": ""},
    "QuantilesConfig": {"number": 100},
    "ClickTimesWatchTimeConfig": {"watch_time_weight": 1.0, "own_tower": []},
    "RankingConfig": {"hashed_rows": 0, "experts": 0},
    "ScannConfig": {"leaf_avq": 8.0, "anisotropic_threshold": 0.2},
    "IvfConfig": {"seed": 0},
    "EvaluationConfig": {
        "propensity_power": 1.0,
        "block_megabytes": 128,
        "candidate_set": "all",
        "seed": 0,
        "num_examples": 8,
    },
    "RefreshConfig": {"learning_rate_share": 1.0},
}


def left_out(component: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a component's settings without the constants with their value.

    Args:
      component: Name of the component's class.
      values: Settings by name.
    """
    own = BY_CLASS.get(component, {})
    return {k: v for k, v in values.items() if k not in own or v != own[k]}


def without(cls: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns nested dicts without the constants with their value, at any depth.

    Args:
      cls: Class of the component; values of other types are returned as they are.
      values: Its settings, as read from JSON.
    """
    from ytdnn.base.configs import components

    kept = left_out(cls.__name__, values)
    for field in dataclasses.fields(cls):
        value = kept.get(field.name)
        if isinstance(value, Mapping):
            kinds = components.kinds(field.type)
            own = kinds.get(str(value.get(components.KIND)), field.type)
            if dataclasses.is_dataclass(own):
                kept[field.name] = without(own, value)
    return kept


@functools.cache
def by_path() -> dict[str, Any]:
    """Returns the constants of a whole run by path, as on the command line."""
    from ytdnn.base.configs import components, run

    return {
        prefix + name: value
        for prefix, cls in components.classes(run.Config)
        for name, value in BY_CLASS.get(cls.__name__, {}).items()
    }


def is_value(path: str, text: str | None) -> bool:
    """Whether a text, as typed, is the value of a constant."""
    value = by_path().get(path)
    try:
        return text is not None and value is not None and type(value)(text) == value
    except ValueError:
        return False


def message(path: str, value: Any) -> str:
    """Returns the error about another value of a constant."""
    return f"{path} is a constant now, {value!r}: leave it out"
