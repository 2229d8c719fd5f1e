"""The fit of live terms: planted weights come back, and small logs have none."""

import pathlib

import numpy as np
import polars as pl

from ytdnn import configs
from ytdnn.base import schema
from ytdnn.evaluation import live_choice
from ytdnn.log import events, prepare
from ytdnn.log.sources import tables
from ytdnn.retrieval import live_terms

SIZE = 10  # videos a request


def test_the_weights_of_planted_choices_come_back() -> None:
    rng = np.random.default_rng(0)
    number = 4_000
    weights = np.where(live_terms.NOT_NEGATIVE, 0.6, rng.normal(0.0, 0.8, 14))
    weights[-1] = 0.0  # of the network: it tells nothing
    terms = rng.normal(size=(number * SIZE, live_terms.NUM_TERMS))
    logits = (terms @ weights).reshape(number, SIZE) + rng.gumbel(size=(number, SIZE))
    choices = live_choice._Choices(
        np.arange(number + 1) * SIZE, terms, np.argmax(logits, axis=1)
    )
    found = live_choice._fitted(choices).vector
    np.testing.assert_allclose(found, weights, atol=0.1)
    against = live_choice._Choices(
        choices.offsets, -np.abs(terms), np.argmax(logits, axis=1)
    )
    found = live_choice._fitted(against).vector
    assert (found[live_terms.NOT_NEGATIVE] >= 0.0).all()


def test_requests_without_their_answer_are_left_out() -> None:
    terms = np.zeros((4, live_terms.NUM_TERMS))
    terms[:2, 0] = [1.0, 0.0]
    choices = live_choice._Choices(np.array([0, 2, 4]), terms, np.array([0, -1]))
    assert live_choice._fitted(choices).popular[0] > 0.0
    nothing = choices.take(np.array([False, True]))
    assert not live_choice._fitted(nothing).vector.any()


def test_requests_are_of_the_ranker_s_window_where_there_is_one(
    tmp_path: pathlib.Path,
) -> None:
    watches = pl.DataFrame(
        {
            "user_id": [f"u{i % 7}" for i in range(300)],
            "video_id": [f"v{i % 11}" for i in range(300)],
            "time": [1_600_000_000 + 600 * i for i in range(300)],
        }
    )
    shown = watches.with_columns(clicked=pl.lit(True))
    config = configs.DataConfig(source="tables")
    splits = []
    for name, given in (("without", {}), ("with", {schema.IMPRESSIONS: shown})):
        log = tables.from_frames({schema.WATCHES: watches, **given})
        data = prepare.prepare(config, tmp_path / name, log)
        splits.append(live_choice._split(data))
    assert splits == [events.Split.VALIDATION, events.Split.CONTEXT]
