"""Frozen dataclasses, one for each component, that define every setting.

A component receives only its own config. Values are validated on construction by
pydantic: unknown keys, wrong types and bad values are refused. If a setting chooses
between components (`CandidatesConfig.loss`), each has settings of its own, and a
setting of another is refused. Experiments are files with a `get_config()` that returns
a `Config`.
"""

from ytdnn.base.configs.by_size import UNCONTESTED as UNCONTESTED
from ytdnn.base.configs.by_size import LogSize as LogSize
from ytdnn.base.configs.by_size import members as members
from ytdnn.base.configs.candidates import CandidatesConfig as CandidatesConfig
from ytdnn.base.configs.data import WORLDS as WORLDS
from ytdnn.base.configs.data import DataConfig as DataConfig
from ytdnn.base.configs.data import WorldConfig as WorldConfig
from ytdnn.base.configs.evaluation import EvaluationConfig as EvaluationConfig
from ytdnn.base.configs.evaluation import Options as Options
from ytdnn.base.configs.evaluation import Range as Range
from ytdnn.base.configs.evaluation import Space as Space
from ytdnn.base.configs.evaluation import Value as Value
from ytdnn.base.configs.evaluation import read_space as read_space
from ytdnn.base.configs.networks import BagsConfig as BagsConfig
from ytdnn.base.configs.networks import ClusterConfig as ClusterConfig
from ytdnn.base.configs.networks import ContentConfig as ContentConfig
from ytdnn.base.configs.networks import Encoder as Encoder
from ytdnn.base.configs.networks import EncoderExtension as EncoderExtension
from ytdnn.base.configs.networks import FeaturesConfig as FeaturesConfig
from ytdnn.base.configs.networks import FullSoftmaxConfig as FullSoftmaxConfig
from ytdnn.base.configs.networks import LabelExtension as LabelExtension
from ytdnn.base.configs.networks import NextWatchConfig as NextWatchConfig
from ytdnn.base.configs.networks import Normalization as Normalization
from ytdnn.base.configs.networks import QuantilesConfig as QuantilesConfig
from ytdnn.base.configs.networks import RawConfig as RawConfig
from ytdnn.base.configs.networks import RefreshConfig as RefreshConfig
from ytdnn.base.configs.networks import SampledSoftmaxConfig as SampledSoftmaxConfig
from ytdnn.base.configs.networks import TrainingConfig as TrainingConfig
from ytdnn.base.configs.networks import rows_are_videos as rows_are_videos
from ytdnn.base.configs.ranking import ClickConfig as ClickConfig
from ytdnn.base.configs.ranking import (
    ClickTimesWatchTimeConfig as ClickTimesWatchTimeConfig,
)
from ytdnn.base.configs.ranking import Head as Head
from ytdnn.base.configs.ranking import RankingConfig as RankingConfig
from ytdnn.base.configs.ranking import WeightedLogisticConfig as WeightedLogisticConfig
from ytdnn.base.configs.run import Config as Config
from ytdnn.base.configs.run import as_trained as as_trained
from ytdnn.base.configs.run import changed as changed
from ytdnn.base.configs.run import choices as choices
from ytdnn.base.configs.run import chosen as chosen
from ytdnn.base.configs.run import component as component
from ytdnn.base.configs.run import defaults as defaults
from ytdnn.base.configs.run import differences as differences
from ytdnn.base.configs.run import flat as flat
from ytdnn.base.configs.run import from_dict as from_dict
from ytdnn.base.configs.run import quickstart as quickstart
from ytdnn.base.configs.run import resolved as resolved
from ytdnn.base.configs.run import sized as sized
from ytdnn.base.configs.run import to_dict as to_dict
from ytdnn.base.configs.run import with_own as with_own
from ytdnn.base.configs.serving import DEFAULT_SOURCES as DEFAULT_SOURCES
from ytdnn.base.configs.serving import SOURCE_NAMES as SOURCE_NAMES
from ytdnn.base.configs.serving import CompositionConfig as CompositionConfig
from ytdnn.base.configs.serving import ExactConfig as ExactConfig
from ytdnn.base.configs.serving import IndexConfig as IndexConfig
from ytdnn.base.configs.serving import IvfConfig as IvfConfig
from ytdnn.base.configs.serving import ScannConfig as ScannConfig
from ytdnn.base.configs.setting_types import KIND as KIND
from ytdnn.base.configs.setting_types import Extension as Extension
from ytdnn.base.configs.setting_types import own_settings as own_settings
from ytdnn.base.configs.setting_types import validated as validated
