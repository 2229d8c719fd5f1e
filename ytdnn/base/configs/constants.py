"""Settings of earlier versions that are constants now, each with its value.

No experiment, page or user's log had a reason for another value; the code that reads
the constant has the reason. Old configs, flags and artefacts that have this value are
read as before; another value is an error that names the constant.
"""

from collections.abc import Mapping
from typing import Any

_KEPT = "kept_networks"
BY_CLASS: Mapping[str, Mapping[str, Any]] = {
    "WorldConfig": {"vector_noise": 0.5, "impressions_per_page": 8},
    "DataConfig": {"max_search_tokens": 1_000_000, "min_search_token_count": 2},
    "TrainingConfig": {
        "warmup_steps": 0,
        "table_optimizers": [],
        "schedule": "cosine",
        "clip_norm": 0.0,
        "checkpoint_every_steps": 2_000,
    },
    "BPRConfig": {"num_negatives": 1_024, "proposal_exponent": 0.0},
    "CompositionConfig": {
        "share_co_watched": 0.13,
        "share_fresh_uploads": 0.2,
        "share_popular": 0.0,
        "co_watched_by": "order",
        "sources": [],  # before 0.3: those of the shares
        "diversity_top": 50,
        "operators": [],
        "request_fields": [],
        "explore_top": 50,
        "young_days": 7.0,
    },
    "ContentConfig": {"id_dropout": 0.2},
    "SampledSoftmaxConfig": {
        "uniform_share": 0.0,
        "log_uniform_share": 0.0,
        "correct_positive": False,
    },
    "WARPConfig": {"num_negatives": 1_024, "margin": 1.0, "proposal_exponent": 0.0},
    "GBCEConfig": {"num_negatives": 1_024, "calibration": 0.75},
    "CandidatesConfig": {
        "tied_tables": False,
        "hashed_rows": 0,
        "bias": True,
        "window_events": 1 << 24,
        "kept_networks": "all",  # with distillation "last", see `value_of`
    },
    "ClusterConfig": {
        "checkpoints": "",
        "start_seconds": 300,
        "lost_seconds": 60,
        "shard_megabytes": 64.0,
    },
    "QuantilesConfig": {"number": 100},
    "ClickTimesWatchTimeConfig": {"watch_time_weight": 1.0, "own_tower": []},
    "RankingConfig": {
        "hashed_rows": 0,
        "experts": 0,
        "window_events": 1 << 23,
        "attention_units": 0,
        "ensemble_size": 1,
    },
    "IndexConfig": {"also": []},
    "ScannConfig": {
        "leaf_avq": 8.0,
        "anisotropic_threshold": 0.2,
        "dimensions_per_block": 2,
        "min_videos": 2_000,
    },
    "IvfConfig": {"seed": 0, "min_videos": 25_000},
    "EvaluationConfig": {
        "propensity_power": 1.0,
        "block_megabytes": 128,
        "candidate_set": "all",
        "seed": 0,
        "num_examples": 8,
        "similarity_by": "",  # the first column of vectors, else topic, else channel
        "off_policy_most_weight": 0.0,  # no bound
        "window_events": 1 << 23,
    },
    "RefreshConfig": {"learning_rate_share": 1.0},
}


def left_out(component: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a component's settings without the constants with their value.

    Args:
      component: Name of the component's class.
      values: Settings by name.
    """
    own, distillation = BY_CLASS.get(component, {}), values.get("distillation")
    return {
        name: value
        for name, value in values.items()
        if name not in own or value != value_of(name, own[name], distillation)
    }


def value_of(name: str, value: Any, distillation: Any) -> Any:
    """Returns the value of a constant beside the distillation of the same settings.

    Args:
      name: Name of the constant.
      value: Its value without distillation.
      distillation: That of the candidates; None or 0 for none.
    """
    return "last" if name == _KEPT and distillation else value


def depends(path: str) -> bool:
    """Whether the value of a constant follows from another setting."""
    return path.rpartition(".")[2] == _KEPT


def message(path: str, value: Any) -> str:
    """Returns the error about another value of a constant."""
    shown = repr(value)
    if depends(path):
        shown += " without distillation and 'last' with it"
    return f"{path} is a constant now, {shown}: leave it out"
