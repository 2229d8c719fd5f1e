"""Settings of earlier versions that are constants now, each with its value.

No experiment, page or user's log had a reason for another value; the code that reads
the constant has the reason. Old configs, flags and artefacts that have this value are
read as before; another value is an error that names the constant.
"""

from collections.abc import Mapping
from typing import Any

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
    "ALSConfig": {"factors": 64},
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
        "explore_top": 50,
        "young_days": 7.0,
    },
    "ContentConfig": {"id_dropout": 0.2},
    "SampledSoftmaxConfig": {
        "uniform_share": 0.0,
        "log_uniform_share": 0.0,
        "correct_positive": False,
    },
    "WARPConfig": {"margin": 1.0, "proposal_exponent": 0.0},
    "GBCEConfig": {"calibration": 0.75},
    "CandidatesConfig": {
        "tied_tables": False,
        "hashed_rows": 0,
        "bias": True,
        "window_events": 1 << 24,
    },
    "ClusterConfig": {
        "checkpoints": "",
        "start_seconds": 300,
        "lost_seconds": 60,
        "shard_megabytes": 64.0,
    },
    "QuantilesConfig": {"number": 100},
    "ClickTimesWatchTimeConfig": {"watch_time_weight": 1.0, "own_tower": []},
    "RankingConfig": {"hashed_rows": 0, "experts": 0, "window_events": 1 << 23},
    "IndexConfig": {"also": []},
    "ScannConfig": {
        "leaf_avq": 8.0,
        "anisotropic_threshold": 0.2,
        "min_videos": 2_000,
    },
    "IvfConfig": {"seed": 0, "min_videos": 25_000},
    "EvaluationConfig": {
        "propensity_power": 1.0,
        "block_megabytes": 128,
        "candidate_set": "all",
        "seed": 0,
        "num_examples": 8,
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
    own = BY_CLASS.get(component, {})
    return {k: v for k, v in values.items() if k not in own or v != own[k]}


def message(path: str, value: Any) -> str:
    """Returns the error about another value of a constant."""
    return f"{path} is a constant now, {value!r}: leave it out"
