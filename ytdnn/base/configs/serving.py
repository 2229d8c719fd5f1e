"""Settings of serving: nearest-neighbour search, and the composition of a slate."""

import dataclasses
import json
import math
from collections.abc import Collection
from typing import Annotated, Any, ClassVar, Literal, Self

import pydantic

from ytdnn.base import errors, registries
from ytdnn.base.configs import setting_types


@setting_types.validated
class ExactConfig:
    """Exact search: every video is scored."""

    kind: Literal["exact"] = "exact"


@setting_types.validated
class ScannConfig:
    """ScaNN, where it is installed: a tree of quantised points.

    The defaults follow the corpus size; `ytdnn index tune` finds settings for the
    vectors of a run.

    Attributes:
      num_leaves: Number of leaves of the tree; 0 = from the corpus size: none below
        2,000 videos, where every point is scored. At the same
        share of points scored, more and smaller leaves have a higher recall, until
        scoring the leaves' centres costs as much.
      leaves_to_search_fraction: Smallest share of the leaves that is searched; 0 =
        from the corpus size.
      reorder_factor: Number of points rescored exactly, as a multiple of k.
    """

    num_leaves: setting_types.NonNegative = 0
    leaves_to_search_fraction: setting_types.Share = 0.0
    reorder_factor: setting_types.Positive = 4
    kind: Literal["scann"] = "scann"


@setting_types.validated
class IvfConfig:
    """Inverted lists with 8-bit codes, in stock operations.

    The defaults follow the corpus size; `ytdnn index tune --kind=ivf` finds settings
    for the vectors of a run.

    Attributes:
      num_lists: Number of lists; 0 = from the corpus size: one below 25,000 videos, up
        to where scoring every video exactly is as fast.
      lists_to_search_fraction: Smallest share of the lists that a query reads; 0 =
        from the corpus size.
      reorder_factor: Least number of videos scored exactly, as a multiple of k.
    """

    num_lists: setting_types.NonNegative = 0
    lists_to_search_fraction: setting_types.Share = 0.0
    reorder_factor: setting_types.Positive = 1
    kind: Literal["ivf"] = "ivf"


@setting_types.validated
class IndexConfig:
    """Nearest-neighbour search over the video vectors (PAPER §3, serving).

    Attributes:
      search: Settings of the served index; `ivf` replaces `scann` if ScaNN is not
        installed. The exact index is always built, as the reference and for servers
        without ScaNN.
    """

    search: Annotated[
        ExactConfig | ScannConfig | IvfConfig | setting_types.Extension,
        setting_types.OneOf(registries.INDEXES),
    ] = ScannConfig()


TOWER = "tower"
CO_WATCH = "co_watch"
FRESH_UPLOADS = "fresh_uploads"
POPULAR = "popular"
SOURCE_NAMES = (TOWER, CO_WATCH, FRESH_UPLOADS, POPULAR)
"""Sources with a number of their own in every composition; others follow them."""

DEFAULT_SOURCES = ((CO_WATCH, 0.13), (FRESH_UPLOADS, 0.2))

Precision = Literal["trained", "float32", "bfloat16"]


@setting_types.validated
class CompositionConfig:
    """The composition of a slate: the ranker's candidates, and changes to its order.

    Attributes:
      num_candidates: Number of candidates that the ranker scores. The candidate model
        fills the places that no other source fills.
      sources: Sources other than the candidate model, each with its share of the
        places: `co_watch` (videos often watched near the user's last watches),
        `fresh_uploads` (of recently watched channels, if the log has channels and
        upload times), `popular` (most watched in the last week of training), or others
        (docs/extending.md). `popular=0`: none. A default one leaves where candidates
        surely hold more watch time without it on validation.
      seconds_weight: Weight of a video's mean watch seconds in the choice of the
        ranker's candidates among three times as many of the candidate model's; 0: its
        order alone. `auto`: chosen by the watch seconds that candidates hold on
        validation, where watch time is logged (temporal protocol).
      ordered_by: What orders the slate: the `ranker`, or a count of each video's
        impressions, with the ranker's predictions beside it: `click_rate`,
        `mean_seconds` (of an impression) or `odds` (seconds for each impression without
        a click). `ranking.enabled=auto` serves one that is surely better.
      live: Whether the candidates also follow what is watched now (docs/freshness.md).
        `auto`: where that is surely better on validation.
      live_weights: Weights of the live terms; empty: those that `live` has chosen.
      max_per_channel: Maximum number of a channel's videos in a slate; 0: no maximum.
      temperature: Temperature of sampling among the best 50, in units of the logarithm
        of the ranker's score; answers and the served log have propensities. 0: no
        sampling.
      young_every: Distance of the places reserved for uploads of the last 7 days: one
        of this number of places is reserved. 0: none.
      first_pass: Number of candidates that a light first pass, distilled from the
        ranker at export, leaves for it to score, for slates of up to a fifth of that;
        0: all are scored. `auto`: 100 from 50,000 videos on, if these contain at least
        95 % of the ranker's first 20, as measured at export.
      ranker_precision: Precision of the products of the ranker's tower in serving and
        evaluation: as it was `trained` (`ranking.precision`), `float32`, or `bfloat16`,
        which is faster where the processor supports its products. The weights are the
        same.
      remove_watched: Whether watched videos are left out of answers. Keep them for logs
        with repeated watches, such as music and series (`--repeats`).
      rerankers: Re-rankers of the slate, in this order, after diversity
        (docs/extending.md).
      policies: Sets of conditions on columns of videos that requests name, JSON:
        `{"kids": [{"column": "rating", "in": ["all"]}]}`; empty: none.
      diversity: Weight of the similarity to the most similar video earlier in the
        slate, which is subtracted from the logarithm of a video's score (maximal
        marginal relevance). 0: the order of the scores.
      diversity_by: Column of videos for the similarity: the cosine of a column of
        vectors, such as `videos.clip`; equality for any other, such as `topic`.
      channel_decay: Factor of the score of each further video of a channel in a slate,
        above 0, at most 1; 1: no decay.
      weights: Weights of the ranker's predictions for the order of requests without
        weights, JSON: `{"watch_seconds": 1, "liked": 30, "disliked": -200}`
        (docs/feedback.md); empty: the ranker's order. A policy may have weights too:
        `{"kids": {"where": […], "weights": {…}}}`.
    """

    num_candidates: setting_types.Positive = 300
    sources: tuple[tuple[str, setting_types.Fraction], ...] = DEFAULT_SOURCES
    seconds_weight: Literal["auto"] | setting_types.NonNegativeFloat = "auto"
    ordered_by: Literal["ranker", "click_rate", "mean_seconds", "odds"] = "ranker"
    live: Literal["auto"] | bool = "auto"
    live_weights: tuple[float, ...] = ()
    max_per_channel: setting_types.NonNegative = 0
    temperature: setting_types.NonNegativeFloat = 0.0
    explore_top: ClassVar[int] = 50  # that are sampled from
    young_every: setting_types.NonNegative = 0
    young_days: ClassVar[float] = 7.0  # of reserved places
    first_pass: Literal["auto"] | setting_types.NonNegative = "auto"
    ranker_precision: Precision = "trained"
    diversity: setting_types.NonNegativeFloat = 0.0
    diversity_by: str = ""
    diversity_top: ClassVar[int] = 50  # a slate is shorter; each costs a comparison
    channel_decay: Annotated[float, pydantic.Field(gt=0.0, le=1.0)] = 1.0
    remove_watched: bool = True
    rerankers: Annotated[
        tuple[str, ...], setting_types.names_of(registries.RERANKERS)
    ] = ()
    policies: str = ""
    weights: str = ""

    @pydantic.field_validator("policies", mode="after")
    @classmethod
    def _are_named_lists(cls, value: str) -> str:
        policies = _json(value)
        if not isinstance(policies, dict) or not all(
            name and _is_policy(one) for name, one in policies.items()
        ):
            raise ValueError(
                f'expected policies as JSON, {{"kids": [{{"column": "rating", "in": '
                f'["all"]}}]}}, received {value!r}'
            )
        return value

    @pydantic.field_validator("weights", mode="after")
    @classmethod
    def _are_numbers(cls, value: str) -> str:
        if not _are_weights(_json(value)):
            raise ValueError(
                f'expected weights as JSON, {{"watch_seconds": 1, "liked": 30}}, '
                f"received {value!r}"
            )
        return value

    @property
    def default_weights(self) -> dict[str, float]:
        """Weights for requests without weights, by name."""
        return dict(_json(self.weights))

    @property
    def weights_of_policies(self) -> dict[str, dict[str, float]]:
        """Weights of policies with weights, by name."""
        return {
            name: one["weights"]
            for name, one in _json(self.policies).items()
            if isinstance(one, dict) and one.get("weights")
        }

    @pydantic.model_validator(mode="after")
    def _explores_in_one_way(self) -> Self:
        if self.temperature and self.young_every:
            raise ValueError(
                f"expected temperature or young_every, not both, as their joint "
                f"propensities are unknown, received {self.temperature} and "
                f"{self.young_every}"
            )
        if self.young_every == 1:
            raise ValueError("expected young_every of 2 or more, or 0, received 1")
        return self

    @pydantic.field_validator("sources", mode="after")
    @classmethod
    def _are_registered(
        cls, value: tuple[tuple[str, float], ...]
    ) -> tuple[tuple[str, float], ...]:
        for name, _ in value:
            if name not in registries.SOURCES:
                raise ValueError(registries.SOURCES.unknown(name))
        if len(dict(value)) < len(value):
            raise ValueError(f"expected each source once, received {value}")
        if not value:
            raise ValueError("expected one source or more, received none: popular=0")
        return value

    @pydantic.model_validator(mode="after")
    def _diversifies_one_order(self) -> Self:
        if self.diversity and not self.diversity_by:
            raise ValueError(
                f"expected diversity_by, a column of videos such as topic, with "
                f"diversity, received none and {self.diversity}"
            )
        if self.diversity_by and not self.diversity:
            raise ValueError(
                f"expected diversity above 0 with diversity_by, received 0 and "
                f"{self.diversity_by!r}: set composition.diversity, or leave "
                f"diversity_by out"
            )
        if self.reranks and self.temperature:
            raise ValueError(
                f"expected no temperature with diversity, channel_decay or rerankers, "
                f"as propensities of their order are unknown, received "
                f"{self.temperature}"
            )
        return self

    @pydantic.model_validator(mode="after")
    def _leaves_places(self) -> Self:
        if self.num_from_tower <= 0:
            raise ValueError(
                f"expected sources that leave the candidate model at least one place "
                f"of {self.num_candidates}, received {self.sources}"
            )
        return self

    @property
    def places(self) -> dict[str, Any]:
        """The settings that decide the candidates, by name."""
        places: dict[str, Any] = {"num_candidates": self.num_candidates}
        if self.sources != DEFAULT_SOURCES:  # which manifests of 0.2 do not name
            places["sources"] = [list(source) for source in self.sources]
        return places

    @property
    def shares(self) -> dict[str, float]:
        """Share of the places of each source other than the tower, by its name."""
        return dict(self.sources)

    @property
    def num_places(self) -> dict[str, int]:
        """Number of places of each source with places, in order."""
        of_all = {k: round(v * self.num_candidates) for k, v in self.shares.items()}
        return {name: number for name, number in of_all.items() if number}

    def without(self, left_out: Collection[str]) -> "CompositionConfig":
        """Returns the composition without some of its sources."""
        kept = tuple(each for each in self.sources if each[0] not in left_out)
        return dataclasses.replace(self, sources=kept or ((POPULAR, 0.0),))

    @property
    def source_names(self) -> tuple[str, ...]:
        """Names of all sources; a candidate's source is a place in this tuple, from 1.

        Sources of ytdnn have the same places in every composition.
        """
        return tuple(dict.fromkeys([*SOURCE_NAMES, *self.shares]))

    @property
    def weighs_seconds(self) -> bool:
        """Whether watch time counts in the choice of the ranker's candidates."""
        return self.seconds_weight not in ("auto", 0.0)

    @property
    def diversifies(self) -> bool:
        """Whether similar videos, or videos of the same channel, are moved down."""
        return bool(self.diversity) or self.channel_decay < 1.0

    @property
    def reranks(self) -> bool:
        """Whether rules other than exploration change the order of the scores."""
        return self.diversifies or bool(self.rerankers)

    @property
    def explores(self) -> bool:
        """Whether exploration changes the order of slates."""
        return bool(self.temperature or self.young_every)

    @property
    def num_from_tower(self) -> int:
        """Least number of candidates from the candidate model."""
        return self.num_candidates - sum(self.num_places.values())


def _json(text: str) -> Any:
    """Returns a JSON value, an empty object for no text; None for other text.

    Raises:
      ValueError: An object has a key twice.
    """
    try:
        return json.loads(text, object_pairs_hook=errors.unique_keys) if text else {}
    except json.JSONDecodeError:
        return None


def _is_policy(value: Any) -> bool:
    """Whether a value is a list of conditions, or conditions with weights."""
    if not isinstance(value, dict):
        return isinstance(value, list)
    if not value or set(value) - {"where", "weights"}:
        return False
    has_list = isinstance(value.get("where", []), list)
    return has_list and _are_weights(value.get("weights", {}))


def _are_weights(value: Any) -> bool:
    """Whether a value is an object of finite numbers."""
    return isinstance(value, dict) and all(
        isinstance(one, int | float)
        and not isinstance(one, bool)
        and math.isfinite(one)
        for one in value.values()
    )
