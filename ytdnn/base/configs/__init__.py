"""Frozen dataclasses, one for each component, that define every setting.

A component receives only its own config. Values are validated on construction by
pydantic: unknown keys, wrong types and bad values are refused. If a setting chooses
between components (`CandidatesConfig.loss`), each has settings of its own, and a
setting of another is refused. Experiments are files with a `get_config()` that returns
a `Config`.
"""

import importlib
from typing import TYPE_CHECKING, Any

from ytdnn.base.configs.by_size import LogSize
from ytdnn.base.configs.candidates import CandidatesConfig
from ytdnn.base.configs.components import KIND, Extension, own_settings, validated
from ytdnn.base.configs.composition import SOURCE_NAMES, CompositionConfig
from ytdnn.base.configs.data import DataConfig
from ytdnn.base.configs.encoders import (
    BagsConfig,
    Encoder,
    EncoderExtension,
    OwnEncoderConfig,
)
from ytdnn.base.configs.evaluation import EvaluationConfig
from ytdnn.base.configs.index import (
    ExactConfig,
    IndexConfig,
    IndexKind,
    IvfConfig,
    LshConfig,
    ScannConfig,
)
from ytdnn.base.configs.inputs import (
    ContentConfig,
    FeaturesConfig,
    HeldOutWatchConfig,
    NextWatchConfig,
    Normalization,
    QuantilesConfig,
    RawConfig,
)
from ytdnn.base.configs.losses import (
    BPRConfig,
    FullSoftmaxConfig,
    GBCEConfig,
    OwnLossConfig,
    SampledSoftmaxConfig,
    WARPConfig,
    rows_are_videos,
)
from ytdnn.base.configs.ranking import (
    ClickConfig,
    ClickTimesWatchTimeConfig,
    ExactOddsConfig,
    Head,
    RankingConfig,
    WeightedLogisticConfig,
)
from ytdnn.base.configs.run import (
    Config,
    as_trained,
    choices,
    chosen,
    component,
    defaults,
    differences,
    flat,
    from_dict,
    resolved,
    sized,
    to_dict,
    with_own,
)
from ytdnn.base.configs.training import ClusterConfig, RefreshConfig, TrainingConfig
from ytdnn.base.configs.world import WORLDS, WorldConfig

__all__ = [
    "KIND",
    "SOURCE_NAMES",
    "WORLDS",
    "BPRConfig",
    "BagsConfig",
    "CandidatesConfig",
    "ClickConfig",
    "ClickTimesWatchTimeConfig",
    "ClusterConfig",
    "CompositionConfig",
    "Config",
    "ContentConfig",
    "DataConfig",
    "Encoder",
    "EncoderExtension",
    "EvaluationConfig",
    "ExactConfig",
    "ExactOddsConfig",
    "Extension",
    "FeaturesConfig",
    "FullSoftmaxConfig",
    "GBCEConfig",
    "Head",
    "HeldOutWatchConfig",
    "IndexConfig",
    "IndexKind",
    "IvfConfig",
    "LogSize",
    "LshConfig",
    "NextWatchConfig",
    "Normalization",
    "Options",
    "OwnEncoderConfig",
    "OwnLossConfig",
    "QuantilesConfig",
    "Range",
    "RankingConfig",
    "RawConfig",
    "RefreshConfig",
    "SampledSoftmaxConfig",
    "ScannConfig",
    "TrainingConfig",
    "WARPConfig",
    "WeightedLogisticConfig",
    "WorldConfig",
    "as_trained",
    "changed",
    "choices",
    "chosen",
    "component",
    "defaults",
    "differences",
    "flat",
    "from_dict",
    "own_settings",
    "quickstart",
    "resolved",
    "rows_are_videos",
    "sized",
    "to_dict",
    "validated",
    "with_own",
]

# Where the names live that few programs use; each module is imported when one is used.
_RARE = {
    "Options": "spaces",
    "Range": "spaces",
    "changed": "changes",
    "quickstart": "first_run",
}

if TYPE_CHECKING:
    from ytdnn.base.configs.changes import changed
    from ytdnn.base.configs.first_run import quickstart
    from ytdnn.base.configs.spaces import Options, Range
else:

    def __getattr__(name: str) -> Any:
        """Returns a lazily imported name (PEP 562)."""
        if name not in _RARE:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = importlib.import_module(f"ytdnn.base.configs.{_RARE[name]}")
        return getattr(module, name)
