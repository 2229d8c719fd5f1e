"""The fit of live terms: planted weights come back, and small logs have none."""

import dataclasses
import pathlib
import types

import numpy as np
import polars as pl
import pytest

from ytdnn import configs
from ytdnn.base import schema
from ytdnn.evaluation import lists, live_term_choice
from ytdnn.log import events, prepare
from ytdnn.log.sources import memory_tables
from ytdnn.retrieval import live_terms

SIZE = 10  # videos a request


@dataclasses.dataclass
class _Cases:
    """The users of some cases."""

    users: np.ndarray

    def __len__(self) -> int:
        return len(self.users)


def test_the_weights_of_planted_choices_come_back() -> None:
    rng = np.random.default_rng(0)
    number = 4_000
    weights = np.where(
        live_terms.NOT_NEGATIVE, 0.6, rng.normal(0.0, 0.8, live_terms.NUM_TERMS)
    )
    weights[-1] = 0.0  # of the network: it tells nothing
    terms = rng.normal(size=(number * SIZE, live_terms.NUM_TERMS))
    logits = (terms @ weights).reshape(number, SIZE) + rng.gumbel(size=(number, SIZE))
    choices = live_term_choice._Choices(
        np.arange(number + 1) * SIZE, terms, np.argmax(logits, axis=1)
    )
    found = live_term_choice._fitted(choices).vector
    np.testing.assert_allclose(found, weights, atol=0.1)
    against = live_term_choice._Choices(
        choices.offsets, -np.abs(terms), np.argmax(logits, axis=1)
    )
    found = live_term_choice._fitted(against).vector
    assert (found[live_terms.NOT_NEGATIVE] >= 0.0).all()


def test_requests_without_their_answer_are_left_out() -> None:
    terms = np.zeros((4, live_terms.NUM_TERMS))
    terms[:2, 0] = [1.0, 0.0]
    choices = live_term_choice._Choices(np.array([0, 2, 4]), terms, np.array([0, -1]))
    assert live_term_choice._fitted(choices).popular[0] > 0.0
    nothing = choices.take(np.array([False, True]))
    assert not live_term_choice._fitted(nothing).vector.any()


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
        log = memory_tables.from_frames({schema.WATCHES: watches, **given})
        data = prepare.prepare(config, tmp_path / name, log)
        splits.append(live_term_choice._split(data))
    assert splits == [events.Split.VALIDATION, events.Split.CONTEXT]


def test_a_page_of_watch_time_needs_twice_as_many_answers() -> None:
    number = 400
    answers = np.arange(number, dtype=np.int32) + 1
    cases = _Cases(np.arange(number))
    asked = types.SimpleNamespace(
        cases=cases, answers=answers, is_repeat=np.zeros(number, bool)
    )

    def holding(share: float):
        """Returns a maker whose lists hold a share of the answers."""
        held = np.where(np.arange(number) % 10 < 10 * share, answers, 0)
        return lambda _, k: np.pad(held[:, np.newaxis], ((0, 0), (0, k - 1)))

    def judged(live: float, network: float, factor: float) -> tuple[bool, str]:
        makers = {"live": holding(live), lists.NETWORK: holding(network)}
        keep = np.ones(number, bool)
        return live_term_choice._judged(
            makers, asked, keep, configs.Config(), 300, factor
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(live_term_choice.user_cases, "take", lambda cases, _: cases)
        assert judged(0.6, 0.4, 1.0)[0]
        serves, words = judged(0.6, 0.4, 2.0)
        assert not serves
        assert "hit rate@300 is 0.600 with it and 0.400 without" in words
        assert "over 2 times that: -0.200" in words
        assert judged(0.6, 0.1, 2.0)[0]
