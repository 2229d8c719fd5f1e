"""Conditions of requests in the graph, against a filter in Python over all videos."""

import dataclasses
import json
import pathlib
import types
from typing import Any

import hypothesis
import numpy as np
import polars as pl
import pytest
import tensorflow as tf
from hypothesis import strategies

from tests.retrieval.index import contract
from ytdnn import configs
from ytdnn.base import schema
from ytdnn.bundle import request_shorthand
from ytdnn.log import prepared
from ytdnn.retrieval import allowed_videos, filter_graph, filter_schema, filtered_search
from ytdnn.retrieval.index import brute_force, ivf, scann_index

NUM, DIM, ADDED = 240, 8, 20
NOW, DAY = 1_700_000_000, 86_400
LANGUAGES = ["en", "de", "ja", None]
TAGS = ["cat", "dog", "fun", "jazz", "news", "sun"]
RNG = np.random.default_rng(3)
VIDEOS = pl.DataFrame(
    {
        "video_id": [f"v{i}" for i in range(NUM)],
        "title": [f"Title {i}" for i in range(NUM)],
        "language": [LANGUAGES[i] for i in RNG.integers(0, 4, NUM)],
        "channel_id": RNG.integers(0, 40, NUM),
        "duration_seconds": [
            None if i % 9 == 0 else float(x)
            for i, x in enumerate(RNG.integers(1, 20, NUM) * 30)
        ],
        "upload_time": NOW - RNG.integers(0, 30, NUM) * DAY,
        "is_live": [bool(x) for x in RNG.integers(0, 2, NUM)],
        "tags": [
            list(dict.fromkeys(TAGS[i] for i in RNG.integers(0, len(TAGS), x))) or None
            for x in RNG.integers(0, 5, NUM)
        ],
        "train_count": np.arange(NUM),
    }
)
VECTORS, _ = contract.clustered(NUM, DIM - 1, 1)


@dataclasses.dataclass(frozen=True)
class Data:
    """What of a prepared set filters read."""

    catalogue: prepared.Catalogue
    windows: Any = dataclasses.field(
        default_factory=lambda: types.SimpleNamespace(end_of_log=NOW)
    )
    num_videos: int = NUM


CATALOGUE = prepared.Catalogue(pathlib.Path(), {}, VIDEOS, pl.DataFrame(), {})
ATTRIBUTES = filter_schema.from_catalogue(CATALOGUE)
KEYS = [key for one in ATTRIBUTES for key in one.keys]
ROWS = VIDEOS.to_dicts()
KIDS = [{"column": "language", "in": ["en", "de"]}]
POLICIES = request_shorthand.policies(json.dumps({"kids": KIDS}), KEYS)
FILTERS = filter_graph.Filters(Data(CATALOGUE), POLICIES)  # type: ignore[arg-type]

TAG_LISTS = strategies.lists(strategies.sampled_from([*TAGS, "nope"]), min_size=1)
TEXTS = strategies.lists(strategies.sampled_from(["en", "de", "ja", "xx"]), min_size=1)
CHANNELS = strategies.lists(strategies.integers(0, 42), min_size=1, max_size=20)
NUMBERS = strategies.sampled_from([0, 29.5, 30, 300, 570, 571])
DURATIONS = strategies.lists(strategies.sampled_from([30, 90.0, 31]), min_size=1)
CONDITIONS = [
    strategies.fixed_dictionaries({"column": strategies.just(column), name: values})
    for column, name, values in (
        ("language", "in", TEXTS),
        ("language", "not_in", TEXTS),
        ("tags", "in", TAG_LISTS),
        ("tags", "not_in", TAG_LISTS),
        ("channel_id", "in", CHANNELS),
        ("channel_id", "not_in", CHANNELS),
        ("duration_seconds", "at_most", NUMBERS),
        ("duration_seconds", "at_least", NUMBERS),
        ("duration_seconds", "in", DURATIONS),
        ("age_days", "at_most", strategies.integers(0, 31)),
        ("age_days", "at_least", strategies.integers(0, 31)),
        ("is_live", "in", strategies.sampled_from([[True], [1], [0, "nope"]])),
    )
]
ROW = strategies.tuples(
    strategies.lists(
        strategies.one_of(CONDITIONS),
        max_size=4,
        unique_by=lambda one: (one["column"], *sorted(one)),
    ),
    strategies.sampled_from(["", "kids"]),
    strategies.sampled_from([0, NOW, NOW + 7 * DAY]),
    strategies.lists(strategies.integers(1, NUM), max_size=6),  # barred
)


def is_met(video: dict[str, Any], condition: dict[str, Any], now: int) -> bool:
    """Whether a video meets a condition."""
    column = condition["column"]
    value = video.get(column)
    if column == "age_days":
        value = (now - video["upload_time"]) / DAY
    if column == "tags":
        asked = {*condition.get("in", ()), *condition.get("not_in", ())}
        return asked.isdisjoint(value or ()) == ("not_in" in condition)
    if "not_in" in condition:
        return value is None or value not in condition["not_in"]
    if value is None:
        return False
    if "in" in condition:
        return value in condition["in"]
    if "at_most" in condition:
        return bool(value <= condition["at_most"])
    return bool(value >= condition["at_least"])


def by_hand(row: Any) -> np.ndarray:
    """Returns which videos the conditions of a row permit, `[NUM]`."""
    asked, policy, time, _ = row
    every = [*asked, *(KIDS if policy else [])]
    return np.array(
        [all(is_met(video, one, time or NOW) for one in every) for video in ROWS]
    )


def inputs(rows: list[Any]) -> dict[str, tf.Tensor]:
    """Returns the inputs of a signature."""
    pairs = [request_shorthand.entries(asked, KEYS) for asked, *_ in rows]
    width = max(1, *map(len, pairs))
    texts = np.array([one + [("", "")] * (width - len(one)) for one in pairs], object)
    return {
        schema.CONDITIONS: tf.constant(texts[..., 0], tf.string),
        schema.CONDITION_VALUES: tf.constant(texts[..., 1], tf.string),
        schema.POLICY: tf.constant([policy for _, policy, *_ in rows]),
        schema.TIME: tf.constant([time for _, _, time, _ in rows], tf.int64),
    }


LIST = tf.TensorSpec([None, None], tf.string)
SPECS = {
    schema.CONDITIONS: LIST,
    schema.CONDITION_VALUES: LIST,
    schema.POLICY: tf.TensorSpec([None], tf.string),
    schema.TIME: tf.TensorSpec([None], tf.int64),
}


@tf.function(input_signature=[SPECS])
def held(raw: dict[str, tf.Tensor]) -> tf.Tensor:
    size = tf.shape(raw[schema.TIME])[0]
    every = tf.tile(tf.range(1, NUM + 1)[tf.newaxis], [size, 1])
    return FILTERS.read(raw).holds(every)


@hypothesis.given(strategies.lists(ROW, min_size=1, max_size=4))
@hypothesis.settings(max_examples=30, deadline=None)
def test_a_request_permits_what_meets_its_conditions(rows: list[Any]) -> None:
    for row, found in zip(rows, held(inputs(rows)).numpy(), strict=True):
        np.testing.assert_array_equal(found, by_hand(row))


@hypothesis.given(strategies.lists(ROW, min_size=1, max_size=4))
@hypothesis.settings(max_examples=15, deadline=None)
def test_masks_and_shares_are_those_of_the_conditions(rows: list[Any]) -> None:
    found = FILTERS.read(inputs(rows))
    for row, place in zip(rows, found.which.numpy(), strict=True):
        if not (row[0] or row[1]):
            continue
        expected = by_hand(row)
        assert found.mask(tf.constant(place)).numpy().tolist() == expected.tolist()
        if len(row[0]) == 1 and not row[1]:
            assert float(found.share[place]) == pytest.approx(expected.mean())
        assert 0.0 <= float(found.share[place]) <= 1.0


@pytest.mark.parametrize(
    ("keys", "values", "policy"),
    [
        (["language has"], ["en"], ""),  # no such operator
        (["language in"], [""], ""),
        (["duration_seconds at_most"], ["ten"], ""),
        (["age_days at_least"], ["nan"], ""),
        ([""], [""], "adults"),
        (["language in", "language in"], [], ""),
    ],
)
def test_what_is_not_understood_permits_nothing(
    keys: list[str], values: list[str], policy: str
) -> None:
    raw = {
        schema.CONDITIONS: tf.constant([keys]),
        schema.CONDITION_VALUES: tf.constant([values], tf.string),
        schema.POLICY: tf.constant([policy]),
        schema.TIME: tf.constant([0], tf.int64),
    }
    assert not held(raw).numpy().any()


def test_a_policy_is_not_widened_by_a_request() -> None:
    rows = [([{"column": "language", "in": ["ja", "de"]}], "kids", 0, [])]
    languages = VIDEOS["language"].filter(pl.Series(held(inputs(rows)).numpy()[0]))
    assert languages.unique().to_list() == ["de"]


def searchers() -> dict[str, Any]:
    found: dict[str, Any] = {"exact": brute_force.BruteForceModule(VECTORS)}
    found["ivf"] = ivf.Ivf.build(
        VECTORS, configs.IvfConfig(num_lists=8, lists_to_search_fraction=0.3)
    ).module
    if scann_index.is_available():
        config = configs.ScannConfig(num_leaves=40)
        found["scann"] = scann_index.Scann.build(VECTORS, config).module
    main = brute_force.BruteForceModule(VECTORS[:-ADDED])
    found["delta"] = brute_force.WithDelta(main, VECTORS[-ADDED:])
    return found


@pytest.fixture(scope="module")
def searches() -> dict[str, Any]:
    """Each kind of index, where eight videos are few, as a compiled search."""
    former, filtered_search.FEW = filtered_search.FEW, 8

    def compiled(searcher: Any) -> Any:
        search = filtered_search.Nearest(searcher, NUM)

        @tf.function(
            input_signature=[
                SPECS,
                tf.TensorSpec([None, DIM]),
                tf.TensorSpec([None, None], tf.int32),
                tf.TensorSpec([], tf.int32),
            ]
        )
        def run(raw: Any, queries: Any, barred: Any, num: Any) -> Any:
            by = allowed_videos.AllowedVideos(barred, conditions=FILTERS.read(raw))
            return search.search(queries, num, by)

        run.get_concrete_function()
        return run

    found = {kind: compiled(one) for kind, one in searchers().items()}
    filtered_search.FEW = former
    return found


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["exact", "delta", "ivf", "scann"])
@hypothesis.given(
    strategies.lists(ROW, min_size=1, max_size=4), strategies.integers(0, 40)
)
@hypothesis.settings(max_examples=25, deadline=None)
def test_every_index_returns_permitted_videos_and_as_many_as_there_are(
    searches: dict[str, Any], kind: str, rows: list[Any], num: int
) -> None:
    if kind not in searches:
        pytest.skip("needs ScaNN")
    rng = np.random.default_rng(num)
    queries = rng.normal(size=(len(rows), DIM)).astype(np.float32)
    width = max(len(barred) for *_, barred in rows) + 1
    barred = np.array([row[3] + [0] * (width - len(row[3])) for row in rows], np.int32)
    videos, scores = searches[kind](
        inputs(rows), tf.constant(queries), tf.constant(barred), tf.constant(num)
    )
    found_of = zip(rows, queries, videos.numpy(), scores.numpy(), strict=True)
    for row, query, found, own in found_of:
        may = by_hand(row)
        may[np.array(row[3], int) - 1] = False
        best = 1 + np.flatnonzero(may)
        products = VECTORS[best - 1] @ query
        wanted = best[np.argsort(-products, kind="stable")][:num]
        kept = found[found > 0]
        assert len(kept) == len(set(kept.tolist())) == len(wanted)
        assert np.isneginf(own[len(kept) :]).all()
        assert set(kept.tolist()) <= set(best.tolist())
        if kind in ("exact", "delta") or may.sum() <= 8:
            np.testing.assert_array_equal(kept, wanted)
            expected = np.sort(products)[::-1][: len(kept)]
            np.testing.assert_allclose(own[: len(kept)], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("conditions", "message"),
    [
        ("en", "expected where to be a list of conditions such as"),
        ([{"in": ["en"]}], "expected a condition such as"),
        (
            [{"column": "languge", "in": ["en"]}],
            "received 'languge' in condition 1 .* did you mean language",
        ),
        (
            [{"column": "language", "at_most": 3}],
            "expected one of in, not_in for column language, received at_most in "
            "condition 1",
        ),
        ([{"column": "language"}], "for column language, received none"),
        ([{"column": "language", "in": []}], "at least one value for in of column"),
        ([{"column": "language", "in": [1.5]}], "expected a text for in of column"),
        (
            [{"column": "age_days", "at_most": "7"}],
            'a finite number for at_most of column age_days .* received "7"',
        ),
        (
            [
                {"column": "language", "in": ["en"]},
                {"column": "language", "in": ["de"]},
            ],
            "received 'language in' again in condition 2",
        ),
    ],
)
def test_a_mistake_names_column_operator_and_value(
    conditions: Any, message: str
) -> None:
    with pytest.raises(request_shorthand.errors.UserError, match=message):
        request_shorthand.entries(conditions, KEYS)
