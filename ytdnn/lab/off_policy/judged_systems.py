"""The slates of a run's systems at logged requests, for `counterfactual`."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from ytdnn.base import registries
from ytdnn.evaluation import composed_slates, lists, models, report_types, user_cases
from ytdnn.lab.off_policy import counterfactual, logged_pages, page_choices
from ytdnn.log import events
from ytdnn.ranking import predictions

_PLACES_AHEAD = 2  # what a page has shown already is at most as long as the page


@registries.HOOKS.register("off_policy")
def measure(
    run: models.RunModels, split: events.Split
) -> report_types.OffPolicy | None:
    """Estimates the rewards of a run's pages; None without propensities.

    Args:
      run: The run.
      split: Split of the logged pages.
    """
    config = run.config.evaluation
    pages = logged_pages.sample(run.data, split, config.off_policy_pages, config.seed)
    if pages is None:
        return None
    modelled: Mapping[str, np.ndarray] = {}
    if run.ranking is not None:
        rows = pages.rows[pages.is_place]
        modelled = _modelled(run.ranking.predictions(run.data, rows))
    return counterfactual.measure(pages, ordered(run, pages), modelled)


def ordered(
    run: models.RunModels, pages: logged_pages.LoggedPages
) -> dict[str, page_choices.SystemOrder]:
    """Returns the order of popularity, of the candidates and of both stages."""
    data, config = run.data, run.config.evaluation
    cases = user_cases.at_requests(data, pages.requests, config, run.trained.num_listed)
    vectors = run.trained.request_vectors(data, pages.first_rows)
    length = _PLACES_AHEAD * pages.rows.shape[1]
    makers = {
        lists.POPULARITY: lists.popularity(data.catalogue),
        lists.CANDIDATES: lists.rank_by_vectors(vectors, run.video_vectors),
    }
    by_system = {
        name: _in_order(run, pages, make(cases, length))
        for name, make in makers.items()
    }
    if run.ranking is not None:
        by_system[lists.SYSTEM] = _both_stages(run, run.ranking, pages, cases, vectors)
    return by_system


def _in_order(
    run: models.RunModels, pages: logged_pages.LoggedPages, videos: lists.Lists
) -> page_choices.SystemOrder:
    """Returns lists shown best first."""
    order = np.broadcast_to(-np.arange(videos.shape[1], dtype=float), videos.shape)
    modelled: Mapping[str, np.ndarray] = {}
    if run.ranking is not None:
        predicted = run.ranking.predict_at(run.data, pages.first_rows, videos)
        modelled = _modelled(predicted)
    return page_choices.SystemOrder(videos, order, modelled=modelled)


def _both_stages(
    run: models.RunModels,
    ranking: models.RankingModel,
    pages: logged_pages.LoggedPages,
    cases: user_cases.Cases,
    vectors: models.Vectors,
) -> page_choices.SystemOrder:
    """Returns the candidates of all sources as the composition orders them."""
    composition = run.config.composition
    nearest = lists.rank_by_vectors(vectors, run.video_vectors)
    pooled = composed_slates.pooled(nearest, run.sources, composition, run.data)
    videos = pooled(cases, composition.num_candidates)
    predicted = ranking.predict_at(run.data, pages.first_rows, videos)
    by = np.asarray(predicted.order)
    undrawn = dataclasses.replace(composition, temperature=0.0)
    order = composed_slates.order(run.data, undrawn)
    if order is not None:
        by = order(cases, videos, by)
    return page_choices.SystemOrder(
        videos,
        by,
        composition.temperature,
        composition.explore_top,
        _modelled(predicted),
    )


def _modelled(predicted: predictions.Predictions) -> Mapping[str, np.ndarray]:
    """Returns a ranker's predictions of rewards, for those that it predicts."""
    said = {
        counterfactual.CLICKS: predicted.click_probability,
        counterfactual.WATCH_SECONDS: predicted.seconds,
    }
    return {name: values for name, values in said.items() if values is not None}
