import numpy as np
import pytest
import tensorflow as tf

from tests.bundle import conftest
from ytdnn.base import schema
from ytdnn.bundle import user_requests

LISTS = {
    schema.WATCHED_VIDEO_IDS: "",
    schema.WATCH_TIMES: 0,
    schema.IMPRESSION_VIDEO_IDS: "",
    schema.IMPRESSION_TIMES: 0,
    schema.IMPRESSION_CLICKED: -1,
    schema.EXCLUDE_IDS: "",
    schema.ALLOW_IDS: "",
}
SCALARS = {
    schema.TIME: 0,
    schema.AGE: -1.0,
    schema.GENDER: "",
    schema.COUNTRY: "",
    schema.K: 10,
}


def batch_of(run: conftest.Run, batch: list[dict], behind: bool = False) -> dict:
    """Returns the inputs of a batch, lists padded with what is missing."""
    fields = run.bundle.inputs("recommender_exact")
    values: dict[str, list] = {}
    for name, missing in LISTS.items():
        rows = [request.get(name, []) for request in batch]
        width = max(map(len, rows))
        pads = [[missing] * (width - len(row)) for row in rows]
        both = zip(rows, pads, strict=True)
        values[name] = [row + pad if behind else pad + row for row, pad in both]
    for name, missing in SCALARS.items():
        values[name] = [request.get(name, missing) for request in batch]
    return {
        name: tf.constant(value, tf.as_dtype(fields[name].dtype))
        for name, value in values.items()
    }


def answers(run: conftest.Run, batch: list[dict], **kwargs: bool) -> dict:
    outputs = run.bundle.model("recommender_exact")(**batch_of(run, batch, **kwargs))
    return {name: value.numpy() for name, value in outputs.items()}


def some_requests(run: conftest.Run) -> list[dict]:
    """Returns requests of many lengths, with all that may be missing missing once."""
    full = [user_requests.at_end(run.data, f"u{i}", k=8) for i in (1, 2, 3)]
    short = full[0] | {
        schema.WATCHED_VIDEO_IDS: full[0][schema.WATCHED_VIDEO_IDS][:2],
        schema.WATCH_TIMES: full[0][schema.WATCH_TIMES][:2],
    }
    return [
        *full,
        short,
        {},
        {schema.K: 3, schema.WATCHED_VIDEO_IDS: ["video 1", "nonsense"]},
        full[1] | {schema.TIME: 0},
        full[2] | {schema.K: 0},
    ]


@pytest.mark.parametrize("behind", [False, True])
def test_batched_answers_equal_single_ones(run: conftest.Run, behind: bool) -> None:
    batch = some_requests(run)
    together = answers(run, batch, behind=behind)
    for row, request in enumerate(batch):
        alone = answers(run, [request])
        found = alone[schema.NUM_RESULTS][0]
        assert together[schema.NUM_RESULTS][row] == found
        ids = together[schema.IDS][row]
        assert ids[:found].tolist() == alone[schema.IDS][0, :found].tolist()
        scores = together[schema.SCORES][row, :found]
        assert scores == pytest.approx(alone[schema.SCORES][0, :found], rel=1e-5)


def test_padding_is_finite_and_marked(run: conftest.Run) -> None:
    found = answers(run, [{schema.K: 2}, {schema.K: 6}, {schema.K: -5}])
    assert found[schema.NUM_RESULTS].tolist() == [2, 6, 0]
    assert found[schema.IDS].shape == (3, 6)
    assert found[schema.IDS][0, 2:].tolist() == [b""] * 4
    assert found[schema.IDS][2].tolist() == [b""] * 6
    assert found[schema.SCORES][0, 2:].tolist() == [0.0] * 4
    assert np.isfinite(found[schema.SCORES]).all()


def test_k_beyond_the_candidates_gives_all_of_them(run: conftest.Run) -> None:
    found = answers(run, [{schema.K: 2**31 - 1}])
    assert found[schema.NUM_RESULTS].tolist() == [run.config.composition.num_candidates]
    assert found[schema.IDS].shape[1] == run.config.composition.num_candidates


def test_watched_videos_are_left_out_however_long_ago(run: conftest.Run) -> None:
    ids = run.data.videos[schema.VIDEO_ID].to_list()
    spared = ids[::9]
    watched = [video for video in ids if video not in spared] * 2
    assert len(watched) > 5 * run.config.candidates.history_length
    found = answers(run, [{schema.WATCHED_VIDEO_IDS: watched, schema.K: 10}])
    count = found[schema.NUM_RESULTS][0]
    assert count == len(spared)
    assert {v.decode() for v in found[schema.IDS][0, :count]} == set(spared)


def test_all_watched_gives_nothing(run: conftest.Run) -> None:
    watched = run.data.videos[schema.VIDEO_ID].to_list()
    found = answers(run, [{schema.WATCHED_VIDEO_IDS: watched}])
    assert found[schema.NUM_RESULTS].tolist() == [0]
    assert not found[schema.SCORES].any()


def test_unknown_ids_are_the_zero_vector(run: conftest.Run) -> None:
    unknown = answers(run, [{schema.WATCHED_VIDEO_IDS: ["no", "such", "ids"]}])
    assert unknown[schema.IDS].tolist() == answers(run, [{}])[schema.IDS].tolist()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (schema.AGE, 90.0),
        (schema.AGE, -1.0),
        (schema.GENDER, "M"),
        (schema.GENDER, ""),
        (schema.COUNTRY, "fr"),
        (schema.TIME, 0),
    ],
)
def test_every_feature_of_the_user_changes_the_scores(
    run: conftest.Run, name: str, value: str | float
) -> None:
    request = user_requests.at_end(run.data, "u12")
    request |= {schema.AGE: 20.0, schema.GENDER: "F", schema.COUNTRY: "de"}
    assert request[name] != value
    scores = [
        answers(run, [r])[schema.SCORES] for r in (request, request | {name: value})
    ]
    assert scores[0].tolist() != scores[1].tolist()


def test_scann_and_exact_recommend_the_same_here(run: conftest.Run) -> None:
    """The corpus is below ScaNN's `min_videos`, where ScaNN scores every point."""
    request = user_requests.at_end(run.data, "u9")
    (exact,) = run.bundle.answer([request], exact=True)
    (scann,) = run.bundle.answer([request])
    assert scann.video_ids == exact.video_ids
    assert scann.scores == pytest.approx(exact.scores, rel=1e-4)
