"""Frozen dataclasses, one for each component: the one home of every setting.

Each component takes *its* config, never the whole. Values are validated on
construction by pydantic: unknown keys, wrong types and bad values are refused.
Experiments are files with a `get_config()` that returns a `Config`.
"""

import dataclasses
import json
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar, dataclass_transform

import pydantic
from pydantic import dataclasses as pydantic_dataclasses

_T = TypeVar("_T")

Fraction = Annotated[float, pydantic.Field(ge=0.0, lt=1.0)]
Share = Annotated[float, pydantic.Field(ge=0.0, le=1.0)]
Positive = Annotated[int, pydantic.Field(gt=0)]
NonNegative = Annotated[int, pydantic.Field(ge=0)]
Rate = Annotated[float, pydantic.Field(gt=0.0, lt=1.0)]
PositiveFloat = Annotated[float, pydantic.Field(gt=0.0)]


@dataclass_transform(frozen_default=True)
def _component(cls: type[_T]) -> type[_T]:
    decorate: Callable[[type[_T]], Any] = pydantic_dataclasses.dataclass(
        frozen=True,
        config=pydantic.ConfigDict(extra="forbid", strict=True, allow_inf_nan=False),
    )
    return decorate(cls)


@_component
class World:
    """The synthetic world (`data.source="world"`).

    Attributes:
      num_users: Users in the log.
      num_videos: Videos in the corpus.
      num_topics: Branches of the tree of topics, of six leaves each.
      num_days: Time span of the log.
      watches_per_user: Mean number of watches of a user over the span.
      impressions_per_page: Most videos shown on one home page.
      metadata_noise: Share of topics, of languages and of titles in the table of
        videos that are wrong or missing.
      seed: Seed of the world, apart from the seed of training.
    """

    num_users: Positive = 2_000
    num_videos: Positive = 2_000
    num_topics: Positive = 20
    num_days: Positive = 60
    watches_per_user: Positive = 60
    impressions_per_page: Positive = 8
    metadata_noise: Fraction = 0.1
    seed: NonNegative = 0


WORLDS: dict[str, World] = {
    # Seconds: tests.
    "tiny": World(
        num_users=200, num_videos=400, num_topics=4, num_days=30, watches_per_user=30
    ),
    # The default of `make run`.
    "quickstart": World(num_users=4_000, num_videos=5_000, num_topics=10),
    # The experiments': a million watches, three million impressions.
    "small": World(num_users=10_000, num_videos=20_000, watches_per_user=100),
    # A hundred million watches; written to disk in parts.
    "large": World(
        num_users=1_000_000,
        num_videos=1_000_000,
        num_topics=200,
        watches_per_user=100,
    ),
}


@_component
class Data:
    """Where the event log comes from and how `prepare` splits it.

    Attributes:
      source: `world` (embedded), `movielens`, or `log` (the user's own tables).
      dir: Directory or zip of the source; empty for `world`.
      name: MovieLens edition to download when `dir` is empty, as "ml-1m".
      columns: Own column names, as "watches.video_id=item_id".
      where: Polars SQL filter over the rows of `watches`, as "rating >= 4".
      bad_rows: `stop` at the first bad row, or `drop` and report counts.
      min_item_count: Drop videos with fewer watches, repeated with
        `min_user_count` until both hold (5 and 5: the usual 5-core).
      min_user_count: Drop users with fewer watches.
      order_by: A user's order of watches: `time` (then `order`, then file row)
        or `order` (then file row), where times are only estimates; a log
        without `order` is sorted by time.
      vocabulary: Videos that can be recommended: those watched in the
        candidate model's `train` window, or `all` of the log.
      min_watch_fraction: A watch is completed, and so a label or an answer, if it
        reaches this share of `videos.duration_seconds`; 0 = no such rule. Others
        stand in histories alone.
      min_watch_seconds: Likewise by seconds watched. With both rules either is
        enough, with neither every watch is completed.
      max_search_tokens: Most words and pairs of words of searches that are told
        apart, those most often in training contexts.
      min_search_token_count: Training searches a word or pair must be in to be told
        apart.
      protocol: `temporal` (windows of time), `leave_one_out` (each user's last
        watch is the test, the one before it validation), or `split` (as the column
        `split` of `watches` says). `temporal` takes its windows from that column
        where there is one, and refuses one that is not in order of time.
      test_fraction: temporal: share of watches, last in time, held out for test.
      ranking_fraction: temporal: share of watches, before those, whose
        window trains the ranker.
      validation_fraction: temporal: last share of either training window,
        held out to stop early and choose the checkpoint.
    """

    source: Literal["world", "movielens", "log"] = "world"
    dir: str = ""
    name: str = ""
    columns: tuple[str, ...] = ()
    where: str = ""
    bad_rows: Literal["stop", "drop"] = "stop"
    min_item_count: Positive = 1
    min_user_count: Positive = 1
    order_by: Literal["time", "order"] = "time"
    vocabulary: Literal["train", "all"] = "train"
    min_watch_fraction: Annotated[float, pydantic.Field(ge=0.0, le=1.0)] = 0.0
    min_watch_seconds: Annotated[float, pydantic.Field(ge=0.0)] = 0.0
    max_search_tokens: Positive = 1_000_000
    min_search_token_count: Positive = 2
    protocol: Literal["temporal", "leave_one_out", "split"] = "temporal"
    test_fraction: Rate = 0.1
    ranking_fraction: Rate = 0.2
    validation_fraction: Rate = 0.1
    world: World = World()


@_component
class Training:
    """Optimisation of one stage.

    Attributes:
      epochs: Passes over the training examples.
      batch_size: Examples a step over all replicas.
      learning_rate: Peak rate of the dense layers' optimiser (Adam).
      schedule: `constant`, or `cosine` decay to zero over all epochs.
      warmup_steps: Steps of linear warm-up.
      table_optimizer: `adagrad` or `lazy_adam` (touch only rows seen; the cost of a
        step does not grow with the corpus), or `adam` (small corpora).
      table_optimizers: Another optimiser for a table, as "videos=lazy_adam"; a wrong
        name is answered with the names there are.
      table_learning_rate: Peak rate of the tables' optimiser.
      table_accumulator: Adagrad's squares before the first step. A small one lets
        rows that are rarely seen move far at once.
      clip_norm: Global norm gradients are clipped to; 0 = never.
      ema_decay: Validate and publish the average of the weights after each step,
        each weighing this much less than the next; 0 = the last weights.
      patience: Epochs without a better validation value before stopping.
      checkpoint_every_steps: Steps between checkpoints within an epoch; each epoch
        ends with one too.
    """

    epochs: Positive = 5
    batch_size: Positive = 1024
    learning_rate: PositiveFloat = 1e-3
    schedule: Literal["constant", "cosine"] = "cosine"
    warmup_steps: NonNegative = 0
    table_optimizer: Literal["adagrad", "lazy_adam", "adam"] = "adagrad"
    table_optimizers: tuple[str, ...] = ()
    table_learning_rate: PositiveFloat = 0.1
    table_accumulator: PositiveFloat = 0.1
    clip_norm: Annotated[float, pydantic.Field(ge=0.0)] = 0.0
    ema_decay: Fraction = 0.0
    patience: Positive = 2
    checkpoint_every_steps: Positive = 2_000


@_component
class Features:
    """What the user tower reads beside the watch history (PAPER §3.3).

    Each exists only where the log has its column; here it can be left out.

    Attributes:
      searches: Bag of the words and pairs of words of recent searches.
      country: The user's country.
      gender: The user's gender.
      age: The user's age.
      device: The device the request comes from.
      logged_in: Whether the user is logged in.
      example_age: How long before the end of the training window an example lies, 0
        when serving: follows how a video's popularity moves. For models that serve
        right behind their training window; weeks later it tells of what was popular
        then (the embedded world: hit rate 0.24 with it, 0.31 without).
      request_time: Hour and weekday of the request (UTC) and the time since the last
        watch. Results then depend on when the answer was watched, and say so.
    """

    searches: bool = True
    country: bool = True
    gender: bool = True
    age: bool = True
    device: bool = True
    logged_in: bool = True
    example_age: bool = False
    request_time: bool = False


@_component
class Candidates:
    """Candidate generation (PAPER §3).

    Attributes:
      embedding_dim: Width of video embeddings and of the user vector.
      history_length: Most recent watches in the bag.
      search_length: Most recent searches in the bag of search tokens.
      features: What is read beside the watch history.
      bags: Bags of the history: `mean` (the paper's), `sum`, `max` by coordinate.
      decay_rates: One recency-weighted average, weights rate^position, for each.
      learned_bags: Averages of the history by learned weights of its positions,
        beside those above.
      tower: Widths of the ReLU layers before the linear user vector.
      dropout: Share of tower activations dropped in training.
      history_dropout: Share of watches dropped from a history in training, and of
        tokens from the bag of searches.
      label: `next_watch` (context: what lies before it) or `held_out_watch` (context:
        what lies around it; the paper's figure 5a, for comparison).
      examples_per_user: Labels each user has in an epoch, drawn anew in each one, at
        most as many as there are; 0 = all.
      bias: Whether the video table has a bias for each video.
      similarity: `dot` product of user and video vectors, or `cosine`.
      temperature: Scores are divided by it.
      loss: `sampled_softmax`, `full_softmax` (the reference, small corpora), or
        `hierarchical_softmax` (a binary tree; served to first order).
      in_batch: sampled softmax: Whether labels of other users in the batch are
        negatives.
      num_negatives: Sampled negatives a step, beside the in-batch ones.
      proposal_exponent: Negatives are drawn by label count to this power, but for
        the two shares below.
      uniform_share: Share of negatives drawn uniformly.
      log_uniform_share: Share of negatives drawn log-uniformly in the rank of label
        counts.
      correct_positive: Whether the positive's score too is corrected by its expected
        count among the negatives. Measured: its gradient is then never nearer to
        the full softmax's, and for rare videos far from it.
      tree_order: hierarchical softmax: Order of the leaves, by `frequency` or by
        `cluster` of videos watched by the same users.
      label_smoothing: Share of the label's probability spread over all videos
        (full softmax only).
      slice_length: Consecutive positions of the log that share one history gather.
      precision: Arithmetic of the tower's products.
      training: Optimisation.
    """

    embedding_dim: Positive = 64
    history_length: Positive = 50
    search_length: Positive = 50
    features: Features = Features()
    bags: tuple[Literal["mean", "sum", "max"], ...] = ("mean",)
    decay_rates: tuple[Rate, ...] = (0.5, 0.8, 0.93)
    learned_bags: NonNegative = 0
    tower: tuple[Positive, ...] = (256, 128)
    dropout: Fraction = 0.0
    history_dropout: Fraction = 0.2
    label: Literal["next_watch", "held_out_watch"] = "next_watch"
    examples_per_user: NonNegative = 0
    bias: bool = True
    similarity: Literal["dot", "cosine"] = "dot"
    temperature: PositiveFloat = 1.0
    loss: Literal["sampled_softmax", "full_softmax", "hierarchical_softmax"] = (
        "sampled_softmax"
    )
    in_batch: bool = True
    num_negatives: NonNegative = 1024
    proposal_exponent: Share = 0.75
    uniform_share: Share = 0.0
    log_uniform_share: Share = 0.0
    correct_positive: bool = False
    tree_order: Literal["frequency", "cluster"] = "cluster"
    label_smoothing: Fraction = 0.0
    slice_length: Positive = 16
    precision: Literal["float32", "bfloat16"] = "float32"
    training: Training = Training()

    @pydantic.model_validator(mode="after")
    def _has_a_bag(self) -> "Candidates":
        if not self.bags and not self.decay_rates:
            raise ValueError("expected a bag of the history in bags or decay_rates")
        return self

    @pydantic.model_validator(mode="after")
    def _settings_of_the_loss_fit(self) -> "Candidates":
        if self.uniform_share + self.log_uniform_share > 1.0:
            raise ValueError(
                "expected uniform_share + log_uniform_share of at most 1, received "
                f"{self.uniform_share} + {self.log_uniform_share}"
            )
        if self.num_negatives == 0 and not self.in_batch:
            raise ValueError("expected num_negatives above 0 where in_batch is false")
        if self.loss == "hierarchical_softmax" and self.similarity == "cosine":
            raise ValueError("expected similarity dot for hierarchical_softmax")
        return self


@_component
class Index:
    """Nearest-neighbour search over the video vectors (PAPER §3, serving).

    Attributes:
      num_candidates: Videos the recommender takes from the index to the ranker.
      min_scann_videos: ScaNN scores every point below this corpus size.
      num_leaves: Leaves of ScaNN's tree; 0 = eight times the root of the corpus
        size. Measured on 3,416 videos: at one share of points scored, more and
        smaller leaves find more, until the leaves themselves cost as much.
      leaves_to_search_fraction: Share of ScaNN's leaves searched, at least.
      leaf_avq: Eta of the anisotropic quantisation of leaf centres: above 1, errors
        along a vector weigh more than across it, as inner products need.
      dimensions_per_block: Coordinates that share one code of a point.
      anisotropic_threshold: ScaNN's threshold for the anisotropic quantisation of
        points.
      reorder_factor: Points rescored exactly, as a multiple of k.
    """

    num_candidates: Positive = 100
    min_scann_videos: NonNegative = 2_000
    num_leaves: NonNegative = 0
    leaves_to_search_fraction: Annotated[float, pydantic.Field(gt=0.0, le=1.0)] = 0.45
    leaf_avq: Annotated[float, pydantic.Field(ge=1.0)] = 8.0
    dimensions_per_block: Positive = 2
    anisotropic_threshold: Annotated[float, pydantic.Field(gt=0.0, lt=1.0)] = 0.2
    reorder_factor: Positive = 4


@_component
class Ranking:
    """Ranking (PAPER §4).

    Attributes:
      embedding_dim: Width of the shared video embedding.
      history_length: Most recent watches averaged.
      tower: Widths of the ReLU layers before the logit.
      dropout: Share of tower activations dropped in training.
      num_quantiles: Quantiles of each continuous feature's CDF.
      training: Optimisation.
    """

    embedding_dim: Positive = 32
    history_length: Positive = 50
    tower: tuple[Positive, ...] = (128, 64)
    dropout: Fraction = 0.0
    num_quantiles: Positive = 100
    training: Training = Training(
        epochs=3,
        table_optimizer="adagrad",
        table_learning_rate=0.05,
        table_accumulator=1e-7,
    )


@_component
class Evaluation:
    """Offline evaluation (`ytdnn evaluate --explain` prints every definition).

    Attributes:
      ks: Lengths of the lists measured.
      targets: Right answers: `all` videos watched in the evaluated window, or the
        `next` one alone.
      horizon_days: Days after the request in which answers are watched; 0 = the
        whole window.
      remove_watched: Whether videos of the user's history are removed from every
        list. Kept, they may be right answers too.
      candidate_set: Videos that may be listed: `all` of the vocabulary, those seen
        in `train`, or those `uploaded` by the time of the request (all whose upload
        time is not known).
      slices: What results are broken down by: `activity`, `new_user`, `video_age`,
        `popularity`, `device`, and any column of `users` or `videos`; what the log
        lacks is left out.
      num_resamples: Bootstrap resamples of the users, for each interval.
      seed: Seed of the resamples and of the users checked for leaks.
      block_megabytes: Most memory of a block of scores.
      num_examples: Users shown in the report with history, lists and answers.
    """

    ks: Annotated[tuple[Positive, ...], pydantic.Field(min_length=1)] = (10, 50, 100)
    targets: Literal["all", "next"] = "all"
    horizon_days: Annotated[float, pydantic.Field(ge=0.0)] = 0.0
    remove_watched: bool = True
    candidate_set: Literal["all", "train", "uploaded"] = "all"
    slices: tuple[str, ...] = (
        "activity",
        "new_user",
        "video_age",
        "popularity",
        "country",
        "device",
    )
    num_resamples: Positive = 1_000
    seed: NonNegative = 0
    block_megabytes: Positive = 128
    num_examples: NonNegative = 8


@_component
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

    data: Data = Data()
    candidates: Candidates = Candidates()
    index: Index = Index()
    ranking: Ranking = Ranking()
    evaluation: Evaluation = Evaluation()
    seed: NonNegative = 0
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
