"""Frozen dataclasses, one for each component: the one home of every setting.

Each component takes *its* config, never the whole. Values are validated on
construction by pydantic: unknown keys, wrong types and bad values are refused. Where
a setting chooses between components (`Candidates.loss`), each has settings of its own,
and one of another is refused.
Experiments are files with a `get_config()` that returns a `Config`.
"""

from ytdnn.configs.by_size import LogSize
from ytdnn.configs.candidates import Candidates
from ytdnn.configs.cluster import Cluster
from ytdnn.configs.components import KIND, own_settings
from ytdnn.configs.composition import Composition
from ytdnn.configs.content import Content
from ytdnn.configs.data import Data
from ytdnn.configs.encoders import HSTU, Bags, Encoder, OwnEncoder, SelfAttention
from ytdnn.configs.evaluation import Evaluation
from ytdnn.configs.features import Features
from ytdnn.configs.heads import (
    Click,
    ClickTimesWatchTime,
    ExactOdds,
    WeightedLogistic,
)
from ytdnn.configs.index import Exact, Index, IndexKind, Ivf, Lsh, Scann
from ytdnn.configs.labels import HeldOutWatch, NextWatch
from ytdnn.configs.losses import (
    BPR,
    GBCE,
    WARP,
    FullSoftmax,
    HierarchicalSoftmax,
    SampledSoftmax,
)
from ytdnn.configs.normalizations import Normalization, Quantiles, Raw
from ytdnn.configs.ranking import Head, Ranking
from ytdnn.configs.refresh import Refresh
from ytdnn.configs.run import (
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
from ytdnn.configs.training import Training
from ytdnn.configs.world import WORLDS, World

__all__ = [
    "BPR",
    "GBCE",
    "HSTU",
    "KIND",
    "WARP",
    "WORLDS",
    "Bags",
    "Candidates",
    "Click",
    "ClickTimesWatchTime",
    "Cluster",
    "Composition",
    "Config",
    "Content",
    "Data",
    "Encoder",
    "Evaluation",
    "Exact",
    "ExactOdds",
    "Features",
    "FullSoftmax",
    "Head",
    "HeldOutWatch",
    "HierarchicalSoftmax",
    "Index",
    "IndexKind",
    "Ivf",
    "LogSize",
    "Lsh",
    "NextWatch",
    "Normalization",
    "OwnEncoder",
    "Quantiles",
    "Ranking",
    "Raw",
    "Refresh",
    "SampledSoftmax",
    "Scann",
    "SelfAttention",
    "Training",
    "WeightedLogistic",
    "World",
    "as_trained",
    "choices",
    "chosen",
    "component",
    "defaults",
    "differences",
    "flat",
    "from_dict",
    "own_settings",
    "resolved",
    "sized",
    "to_dict",
    "with_own",
]
