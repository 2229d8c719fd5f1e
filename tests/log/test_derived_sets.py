"""The prepared sets of a refit: what is training, what has an embedding, and where."""

import pathlib
import types

import numpy as np
import polars as pl
import pytest

from tests import full_log
from ytdnn import configs
from ytdnn.base import errors
from ytdnn.log import derived_sets, events, prepared, slice_batches

PreparedData = prepared.PreparedData
Path = pathlib.Path

SPLIT = events.Split
Sets = dict[derived_sets.Part, PreparedData]


def _log() -> dict[str, pl.DataFrame]:
    """A log with searches, whose last videos appear after the training window."""
    log = full_log.tables()
    late = pl.col("time") > log["watches"]["time"].quantile(0.95)
    watches = log["watches"].with_columns(
        video_id=pl.when(late).then(pl.lit("late")).otherwise("video_id")
    )
    searches = log["searches"].with_columns(
        query=pl.when(late).then(pl.lit("newest word")).otherwise("query")
    )
    videos = log["videos"]
    videos = videos.with_columns(video_id=pl.Series(["late", *videos["video_id"][:-1]]))
    return log | {"watches": watches, "searches": searches, "videos": videos}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> PreparedData:
    directory = tmp_path_factory.mktemp("full")
    return full_log.prepared_data(directory, _log(), token_count=1)


@pytest.fixture(scope="module")
def sets(data: PreparedData) -> Sets:
    root = data.directory.parent
    return {
        part: derived_sets.derive(data, part, root / part.value, needs_ranker=True)
        for part in derived_sets.Part
    }


def ids(data: PreparedData, indices: np.ndarray) -> list[str | None]:
    known = [None, *data.videos["video_id"].to_list()]
    return [known[i] for i in np.asarray(indices).tolist()]


def test_training_reaches_the_end_of_the_log(data: PreparedData, sets: Sets) -> None:
    whole = sets[derived_sets.Part.WHOLE]
    assert (np.asarray(whole.watches.splits) == SPLIT.TRAIN).all()
    assert whole.windows.training_window[1] == data.windows.end_of_log + 1
    assert whole.manifest.facts["windows"]["test"] == data.windows.end_of_log + 1
    assert data.windows.training_window[1] < data.windows.end_of_log


def test_what_was_watched_last_has_an_embedding_and_a_count(
    data: PreparedData, sets: Sets
) -> None:
    whole = sets[derived_sets.Part.WHOLE]
    assert "late" not in data.videos["video_id"][: data.vocabulary_size]
    assert "late" in whole.videos["video_id"][: whole.vocabulary_size]
    assert (
        "late"
        not in (
            sets[derived_sets.Part.EARLIER].videos["video_id"][
                : sets[derived_sets.Part.EARLIER].vocabulary_size
            ]
        )
    )
    counted = dict(whole.videos.select("video_id", "train_count").iter_rows())
    watched = ids(whole, whole.watches.videos)
    assert counted == {video: watched.count(video) for video in counted}


def test_the_words_searched_for_last_are_known(data: PreparedData, sets: Sets) -> None:
    word = pl.col(prepared.TOKEN) == "newest"
    assert data.catalogue.tokens.filter(word).is_empty()
    assert sets[derived_sets.Part.EARLIER].catalogue.tokens.filter(word).is_empty()
    known = sets[derived_sets.Part.WHOLE].catalogue.tokens
    index = known.with_row_index("i", offset=1).filter(word)["i"].item()
    assert known.filter(word)["train_count"].item() > 0
    assert index in np.asarray(sets[derived_sets.Part.WHOLE].log.searches.tokens)


def test_the_same_split_gives_the_same_words_and_arrays(
    data: PreparedData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing moves, the set is what `prepare` made."""
    monkeypatch.setattr(configs.DataConfig, "min_search_token_count", 1)
    as_it_is = types.SimpleNamespace(
        are_labels=lambda w: (np.asarray(w.splits) == SPLIT.TRAIN) & w.are_completed
    )
    events.path(tmp_path, 0).mkdir(parents=True)
    derived_sets._write_searches(data, as_it_is, tmp_path)
    again = pl.read_parquet(tmp_path / prepared.TOKENS_FILE)
    assert again.equals(data.catalogue.tokens)
    for name, values in (
        ("search_tokens", data.log.searches.tokens),
        ("search_token_offsets", data.log.searches.token_offsets),
    ):
        np.testing.assert_array_equal(
            np.load(events.path(tmp_path, 0) / f"{name}.npy"), values
        )


def test_a_video_has_one_index_in_both(data: PreparedData, sets: Sets) -> None:
    earlier, whole = sets[derived_sets.Part.EARLIER], sets[derived_sets.Part.WHOLE]
    assert earlier.vocabulary_size < whole.vocabulary_size
    assert earlier.videos["video_id"].equals(whole.videos["video_id"])
    for table in ("watches", "impressions"):
        expected = ids(data, getattr(data.log.shard, table).videos)
        for one in sets.values():
            assert ids(one, getattr(one.log.shard, table).videos) == expected
    seeds = ids(data, data.impressions.seed_videos)
    assert ids(whole, whole.impressions.seed_videos) == seeds


def test_later_clicks_make_no_ranker_where_none_is_trained(tmp_path: Path) -> None:
    """Clicks in the test alone: models that go on learning have no ranker then."""
    log = full_log.tables()
    shown = log["impressions"]
    late = pl.col("time") > shown["time"].quantile(0.95)
    log["impressions"] = shown.with_columns(clicked=pl.col("clicked") & late)
    data = full_log.prepared_data(tmp_path, log)
    why = data.windows.ranker_left_out(configs.RankingConfig())
    assert why
    first = derived_sets.up_to_test(data, tmp_path / "first")
    last = derived_sets.derive(first, derived_sets.Part.WHOLE, tmp_path / "last", False)
    for each in (first, last):
        assert each.windows.ranker_left_out(configs.RankingConfig()) == why


def test_a_later_test_window_leaves_its_own_watches_to_training(
    data: PreparedData, tmp_path: Path
) -> None:
    windows = data.manifest.facts["windows"]
    times = np.asarray(data.watches.times)
    later = int((windows["test"] + times.max()) // 2)
    part, begins = derived_sets.Part.WHOLE, windows["ranking"]
    one = derived_sets.derive(data, part, tmp_path / "one", False, begins, later)
    splits = np.asarray(one.watches.splits)
    assert (splits[times >= later] == SPLIT.TEST).all()
    assert set(splits[times < later]) == {SPLIT.TRAIN, SPLIT.VALIDATION}
    assert ((times >= windows["test"]) & (times < later)).any()
    assert one.manifest.facts["windows"]["test"] == later


def test_no_earlier_candidate_has_seen_the_rankers_window(sets: Sets) -> None:
    earlier = sets[derived_sets.Part.EARLIER]
    seen = np.asarray(slice_batches.training_set(earlier).watches.times)
    learned = np.asarray(earlier.impressions.splits) == SPLIT.TRAIN
    begins = np.asarray(earlier.impressions.times)[learned].min()
    assert 0 < len(seen) < len(earlier.watches)
    assert seen.max() < begins
    assert learned[np.argmax(np.asarray(earlier.impressions.times))]
    windows = earlier.manifest.facts["windows"]
    assert seen.max() < windows["validation"] == windows["ranking"] <= begins


@pytest.mark.parametrize("protocol", ["leave_one_out", "temporal"])
def test_without_impressions_all_watches_train(tmp_path: Path, protocol: str) -> None:
    log = {"watches": full_log.tables()["watches"]}
    data = full_log.prepared_data(tmp_path, log, protocol=protocol)
    whole = derived_sets.derive(
        data, derived_sets.Part.WHOLE, tmp_path / "whole", False
    )
    assert (np.asarray(whole.watches.splits) == SPLIT.TRAIN).all()
    assert (
        whole.windows.ranker_left_out(configs.RankingConfig())
        == "the log has no impressions"
    )


def test_a_window_without_impressions_is_refused(tmp_path: Path) -> None:
    """They end where the run's own ranker has its last."""
    log = full_log.tables()
    ends = log["watches"]["time"].quantile(0.79)
    log["impressions"] = log["impressions"].filter(pl.col("time") < ends)
    config = {"ranking_fraction": 0.2, "test_fraction": 0.25}
    data = full_log.prepared_data(tmp_path, log, **config)
    assert data.windows.ranker_left_out(configs.RankingConfig()) == ""
    with pytest.raises(errors.UserError) as caught:
        derived_sets.derive(data, derived_sets.Part.EARLIER, tmp_path / "earlier", True)
    assert str(caught.value).startswith(
        "expected impressions for the ranker up to the end of the log, found a window "
        "where none of the "
    )
    assert "raise data.ranking_fraction" in str(caught.value)
    derived_sets.derive(data, derived_sets.Part.EARLIER, tmp_path / "earlier", False)
