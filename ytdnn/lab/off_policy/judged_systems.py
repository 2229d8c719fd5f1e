"""The systems of a run, asked for pages at logged requests (`counterfactual`)."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from ytdnn import registries
from ytdnn.evaluation import (
    composing,
    lists,
    models,
    protocol,
    report_model,
    run_models,
)
from ytdnn.lab.off_policy import counterfactual, logged_pages, page_choices
from ytdnn.log import prepared
from ytdnn.models.ranking import predictions

_PLACES_AHEAD = 2  # what a page has shown already is at most as long as the page


@registries.REPORT_PARTS.register("off_policy")
def measure(
    asked: run_models.RunModels, split: prepared.Split
) -> report_model.OffPolicy | None:
    """Estimates the rewards of a run's pages; None without propensities.

    Args:
      asked: The run.
      split: Split of the logged pages.
    """
    config = asked.config.evaluation
    pages = logged_pages.sample(asked.data, split, config.off_policy_pages, config.seed)
    if pages is None:
        return None
    modelled: Mapping[str, np.ndarray] = {}
    if asked.ranking is not None:
        rows = pages.rows[pages.is_place]
        modelled = _modelled(asked.ranking.predictions(asked.data, rows))
    return counterfactual.measure(pages, ordered(asked, pages), modelled, config)


def ordered(
    asked: run_models.RunModels, pages: logged_pages.LoggedPages
) -> dict[str, page_choices.Ordered]:
    """Returns the order of popularity, of the candidates and of both stages."""
    data, config = asked.data, asked.config.evaluation
    cases = protocol.at_requests(data, pages.requests, config, asked.trained.num_listed)
    vectors = asked.trained.request_vectors(data, pages.first_rows)
    length = _PLACES_AHEAD * pages.rows.shape[1]
    makers = {
        lists.POPULARITY: lists.popularity(data, config),
        lists.CANDIDATES: lists.of_vectors(vectors, asked.video_vectors, config),
    }
    found = {
        name: _in_order(asked, pages, make(cases, length))
        for name, make in makers.items()
    }
    if asked.ranking is not None:
        found[lists.SYSTEM] = _of_both(asked, asked.ranking, pages, cases, vectors)
    return found


def _in_order(
    asked: run_models.RunModels, pages: logged_pages.LoggedPages, videos: lists.Lists
) -> page_choices.Ordered:
    """Returns lists shown best first."""
    order = np.broadcast_to(-np.arange(videos.shape[1], dtype=float), videos.shape)
    modelled: Mapping[str, np.ndarray] = {}
    if asked.ranking is not None:
        found = asked.ranking.predict_at(asked.data, pages.first_rows, videos)
        modelled = _modelled(found)
    return page_choices.Ordered(videos, order, modelled=modelled)


def _of_both(
    asked: run_models.RunModels,
    ranking: models.RankingModelLike,
    pages: logged_pages.LoggedPages,
    cases: protocol.Cases,
    vectors: models.Vectors,
) -> page_choices.Ordered:
    """Returns the candidates of all sources as the composition orders them."""
    composition = asked.config.composition
    nearest = lists.of_vectors(vectors, asked.video_vectors, asked.config.evaluation)
    pooled = composing.pooled(nearest, asked.sources, composition)
    videos = pooled(cases, composition.num_candidates)
    found = ranking.predict_at(asked.data, pages.first_rows, videos)
    by = np.asarray(found.order)
    undrawn = dataclasses.replace(composition, temperature=0.0)
    order = composing.order(
        asked.data, undrawn, asked.trained, asked.video_vectors, vectors
    )
    if order is not None:
        by = order(cases, videos, by)
    return page_choices.Ordered(
        videos, by, composition.temperature, composition.explore_top, _modelled(found)
    )


def _modelled(found: predictions.Predictions) -> Mapping[str, np.ndarray]:
    """Returns a ranker's predictions of rewards, for those that it predicts."""
    said = {
        counterfactual.CLICKS: found.click_probability,
        counterfactual.WATCH_SECONDS: found.seconds,
    }
    return {name: values for name, values in said.items() if values is not None}
