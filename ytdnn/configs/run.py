"""The settings of a whole run, and components as plain dicts and back."""

import dataclasses
import json
from typing import Any, Literal, TypeVar

import pydantic

from ytdnn.configs import candidates as candidates_config
from ytdnn.configs import components
from ytdnn.configs import data as data_config
from ytdnn.configs import evaluation as evaluation_config
from ytdnn.configs import index as index_config
from ytdnn.configs import ranking as ranking_config

_T = TypeVar("_T")


@components.validated
class Config:
    """A whole run: one component for each stage.

    Attributes:
      data: Source, filters, split.
      candidates: Candidate generation.
      index: Nearest-neighbour search.
      ranking: Ranking.
      evaluation: Offline evaluation.
      seed: Seed of every draw in training.
      strategy: Devices: `none` (one), `mirrored` (all local) or `tpu`.
    """

    data: data_config.Data = data_config.Data()
    candidates: candidates_config.Candidates = candidates_config.Candidates()
    index: index_config.Index = index_config.Index()
    ranking: ranking_config.Ranking = ranking_config.Ranking()
    evaluation: evaluation_config.Evaluation = evaluation_config.Evaluation()
    seed: components.NonNegative = 0
    strategy: Literal["none", "mirrored", "tpu"] = "none"


def to_dict(config: Any) -> dict[str, Any]:
    """Returns a component as nested plain dicts (tuples stay tuples)."""
    return dataclasses.asdict(config)


def component(cls: type[_T], values: dict[str, Any]) -> _T:
    """Returns one validated component of nested dicts, as read from a manifest.

    Raises:
      pydantic.ValidationError: Unknown keys or bad values, each with its path.
    """
    return pydantic.TypeAdapter(cls).validate_json(json.dumps(values))


def from_dict(values: dict[str, Any]) -> Config:
    """Returns the validated `Config` of nested dicts, as read from JSON.

    Raises:
      pydantic.ValidationError: An unknown key or a bad value.
    """
    return component(Config, values)
