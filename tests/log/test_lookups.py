"""Video ids and their indices, against a dict."""

import pathlib
from typing import Any

import numpy as np
import polars as pl
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from ytdnn.base import schema
from ytdnn.log import lookups, prepared

_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
_INTEGERS = st.integers(-(2**63), 2**63 - 1).filter(lambda i: i != -1)


def _videos(ids: list[Any]) -> lookups.VideoIds:
    dtype = pl.String if isinstance((ids or [0])[0], str) else pl.Int64
    frame = pl.DataFrame({schema.VIDEO_ID: pl.Series(ids, dtype=dtype)})
    made = prepared.Catalogue(pathlib.Path(), {}, frame, frame.clear(), {})
    return lookups.VideoIds(made)


def _check(videos: lookups.VideoIds, ids: list[Any], asked: list[Any]) -> None:
    expected = {one: index for index, one in enumerate(ids, start=1)}
    found = videos.indices(tf.constant([asked + ids], videos.missing.dtype))
    assert found.dtype == tf.int32
    assert found.numpy().tolist() == [[expected.get(one, 0) for one in asked + ids]]
    missing = videos.missing.numpy()
    assert videos.ids(tf.range(len(ids) + 1)).numpy().tolist() == [missing] + [
        one.encode() if isinstance(one, str) else one for one in ids
    ]
    assert videos.indices(videos.missing[tf.newaxis]).numpy() == [0]


@given(st.lists(_TEXTS, unique=True, min_size=1, max_size=60), st.lists(_TEXTS))
def test_texts_are_found_as_in_a_dict(ids: list[str], asked: list[str]) -> None:
    _check(_videos(ids), ids, asked)


@given(st.lists(_INTEGERS, unique=True, max_size=60), st.lists(_INTEGERS))
def test_integers_are_found_as_in_a_dict(ids: list[int], asked: list[int]) -> None:
    _check(_videos(ids), ids, asked)


@pytest.mark.parametrize(
    "ids",
    [
        range(0, 5_000),
        range(-5_000, 5_000, 7),
        [1 << i for i in range(63)],
        [i << 40 for i in range(5_000)],
        [i * 0x1_0000_0001 for i in range(5_000)],
        [0, -(2**63), 2**63 - 1],
    ],
)
def test_regular_integers_are_told_apart(ids: Any) -> None:
    _check(_videos(list(ids)), list(ids), [i + 3 for i in list(ids)[:50] if i < 2**62])


def test_bytes_that_are_no_text_are_unknown() -> None:
    found = _videos(["a", "é"]).indices(tf.constant([b"\xff", b"\xc3", b"a", b""]))
    assert found.numpy().tolist() == [0, 0, 1, 0]


def test_an_unknown_id_with_the_hash_of_a_known_one_has_no_index(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def by_length(_: lookups.VideoIds, ids: tf.Tensor) -> tf.Tensor:
        return tf.cast(tf.strings.length(ids), tf.int64)

    monkeypatch.setattr(lookups.VideoIds, "keys", by_length)
    videos = _videos(["a", "bb", "ccc"])
    asked = tf.constant(["x", "a", "yy", "bb", "zzz", "ccc"])
    assert videos.indices(asked).numpy().tolist() == [0, 1, 0, 2, 0, 3]


def test_no_id_is_twice_in_a_catalogue() -> None:
    with pytest.raises(ValueError, match="expected distinct video ids"):
        _videos(["a", "b", "a"])


def test_indices_keep_the_shape_of_ids() -> None:
    videos = _videos([5, 3])
    found = videos.indices(tf.constant(np.arange(12).reshape(2, 3, 2), tf.int64))
    assert found.numpy().tolist() == [[[0, 0], [0, 2], [0, 1]], [[0, 0]] * 3]
