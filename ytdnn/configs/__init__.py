"""Frozen dataclasses, one for each component: the one home of every setting.

Each component takes *its* config, never the whole. Values are validated on
construction by pydantic: unknown keys, wrong types and bad values are refused.
Experiments are files with a `get_config()` that returns a `Config`.
"""

from ytdnn.configs.candidates import Candidates
from ytdnn.configs.data import Data
from ytdnn.configs.evaluation import Evaluation
from ytdnn.configs.features import Features
from ytdnn.configs.index import Index
from ytdnn.configs.ranking import Ranking
from ytdnn.configs.run import Config, component, from_dict, to_dict
from ytdnn.configs.training import Training
from ytdnn.configs.world import WORLDS, World

__all__ = [
    "WORLDS",
    "Candidates",
    "Config",
    "Data",
    "Evaluation",
    "Features",
    "Index",
    "Ranking",
    "Training",
    "World",
    "component",
    "from_dict",
    "to_dict",
]
