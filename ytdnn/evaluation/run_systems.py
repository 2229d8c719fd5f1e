"""The systems of a run, built from its artefacts."""

import dataclasses
import functools
import pathlib
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from ytdnn.base import configs, errors, schema
from ytdnn.candidates import model as candidate_model
from ytdnn.evaluation import (
    boosted_trees,
    composed_slates,
    known_truth,
    leaks,
    lists,
    live_term_lists,
    measure,
    models,
    shown_baselines,
    shown_lists,
    shown_scorers,
    tuned_baselines,
    user_cases,
    users_in_parts,
)
from ytdnn.log import events, prepared
from ytdnn.ranking import model as ranking_model
from ytdnn.retrieval import interface as retrieval
from ytdnn.retrieval import live_terms, model_interface, trained_stage

Config = configs.Config
PreparedData = prepared.PreparedData


@dataclasses.dataclass(frozen=True)
class TrainedModels:
    """A prepared set and the models that are measured on it.

    Attributes:
      data: The prepared set.
      trained: The candidate model; None: only the ranker is measured.
      ranking: The ranker; None: only the candidates are measured.
      others: Further systems, such as a world's oracle.
      candidates: Maker of the candidates' lists, of a model other than the network.
      baselines: Makers of the fitted baselines; None: they are fitted here.
      sources: The candidate sources in addition to the candidate model.
      live: Weights of the candidates' live terms; None: they have none.
    """

    data: PreparedData
    trained: models.RetrievalModel | None
    ranking: models.RankingModel | None
    others: measure.Systems = dataclasses.field(default_factory=measure.Systems)
    sources: tuple[retrieval.Source, ...] = ()
    candidates: lists.Maker | None = None
    baselines: Mapping[str, lists.Maker] | None = None
    live: live_terms.Weights | None = None


def load(
    workdir: pathlib.Path, config: Config, stage: str, home: pathlib.Path | None = None
) -> TrainedModels:
    """Loads the models of a run.

    Args:
      workdir: Directory of the run.
      config: Config of the run.
      stage: `candidates` or `ranking`: only that stage; empty: both.
      home: Folder of the models; None: `workdir`. Of others, which went on learning,
        the candidates as they were trained are measured, too.

    Raises:
      errors.UserError: An artefact is missing or stale, or has no held-out events.
    """
    home = workdir if home is None else home
    data = prepared.load(home / prepared.KIND)
    leaks.require_held_out(data)
    truth = known_truth.from_data(data)
    others = measure.Systems() if truth is None else truth.systems(config.evaluation)
    fitted_baselines = None
    if not stage:
        fitted_baselines = tuned_baselines.makers(workdir, data, home != workdir)
    if not config.candidates.is_network:
        directory = workdir / candidate_model.KIND
        fitted = model_interface.load(directory, config.candidates)
        maker = lists.from_candidate_model(fitted, data)
        return TrainedModels(
            data, None, None, others, candidates=maker, baselines=fitted_baselines
        )
    left_out = data.windows.ranker_left_out(config.ranking)
    if stage == ranking_model.KIND and left_out:
        raise errors.UserError(f"expected a ranker to evaluate, found none: {left_out}")
    first_stage = trained_stage.load(
        home / trained_stage.KIND, data, config.composition
    )
    if home != workdir:
        earlier = {lists.AS_TRAINED: _as_trained(workdir, data, config.evaluation)}
        others = dataclasses.replace(others, makers={**earlier, **others.makers})
    trained = None if stage == ranking_model.KIND else first_stage.candidates
    ranking = None
    if not left_out and stage != candidate_model.KIND:
        ranking = ranking_model.load(
            home / ranking_model.KIND,
            data,
            first_stage,
            config.composition.ranker_precision,
        )
        ranking.order_by(config.composition.default_weights)
    sources = first_stage.other_sources if ranking is not None else ()
    weights = () if stage else config.composition.live_weights
    live = live_terms.weights(np.array(weights)) if weights else None
    return TrainedModels(
        data, trained, ranking, others, sources, baselines=fitted_baselines, live=live
    )


@dataclasses.dataclass(frozen=True)
class RunSystems:
    """The systems of a run on the cases of a split.

    Attributes:
      data: The prepared set.
      cases: Cases of the split.
      trained: The candidate model, read window by window; None: it is not measured.
      ranking: The ranker, read window by window; None: it is not measured.
      video_vectors: Vectors of the candidate model's videos; None without it.
      windows: Opener of the windows that the models read.
      systems: All systems, in the order of the report.
    """

    data: PreparedData
    cases: user_cases.Cases
    trained: models.RetrievalModel | None
    ranking: models.RankingModel | None
    video_vectors: models.Vectors | None
    windows: users_in_parts.WindowOpener
    systems: measure.Systems = dataclasses.field(default_factory=measure.Systems)


def build(loaded: TrainedModels, config: Config, split: events.Split) -> RunSystems:
    """Builds the systems of a run.

    Args:
      loaded: The models.
      config: Config of the run.
      split: `TEST` or `VALIDATION`.

    Raises:
      errors.UserError: There are no users to test, or a package is missing.
    """
    data, trained, ranking = loaded.data, loaded.trained, loaded.ranking
    num_listed = None if trained is None else trained.num_listed
    cases = user_cases.cases(data, split, config.evaluation, num_listed)
    windows = users_in_parts.WindowOpener(config.evaluation.window_events)
    of_videos = None
    if trained is not None:
        trained = users_in_parts.by_window(trained, windows)
        of_videos = trained.video_vectors(user_cases.moment(cases, split))
    if ranking is not None:
        ranking = users_in_parts.by_window(ranking, windows)
    run = RunSystems(data, cases, trained, ranking, of_videos, windows)
    counted = {}
    if data.log.has_impressions and config.evaluation.baselines:
        counted = shown_baselines.scorers(data, split, config.evaluation)
    if ranking is not None and boosted_trees.LIGHTGBM in config.evaluation.baselines:
        counted[boosted_trees.LIGHTGBM] = boosted_trees.scorer(data, ranking)
    own = _own(run, config, loaded, counted)
    # Where a stage is left out, there is nothing to compare its oracle with.
    has_lists = lists.CANDIDATES in own.makers
    makers = own.makers | (loaded.others.makers if has_lists else {})
    scorers = own.scorers | (loaded.others.scorers if ranking is not None else {})
    orders = own.orders if data.log.has_impressions else {}
    return dataclasses.replace(run, systems=measure.Systems(makers, scorers, orders))


def _own(
    run: RunSystems,
    config: Config,
    loaded: TrainedModels,
    counted: dict[str, shown_scorers.Scorer],
) -> measure.Systems:
    """Returns popularity, the candidates, the ranker, both stages and their bound."""
    data, trained, of_videos = run.data, run.trained, run.video_vectors
    makers = {lists.POPULARITY: lists.popularity(data.catalogue)}
    number, pages = config.composition.num_candidates, known_truth.pages_of(data)
    by_counts = {shown_scorers.POPULARITY: shown_scorers.popularity(data), **counted}
    orders = dict(by_counts)
    pooled, sources = None, loaded.sources
    if trained is not None or loaded.candidates is not None:
        rivals = loaded.baselines
        if rivals is None:
            rivals = tuned_baselines.quick_makers(data, config.evaluation, run.cases)
        makers |= rivals
    if loaded.candidates is not None:
        makers[lists.CANDIDATES] = loaded.candidates
    if trained is not None and of_videos is not None:
        ranked = lists.from_model(data, trained, of_videos)
        makers[lists.CANDIDATES] = ranked
        if loaded.live is not None:
            live = live_term_lists.LiveCandidates(
                data,
                trained,
                of_videos,
                int(data.manifest.facts["windows"]["validation"]),
                int(config.evaluation.delay_seconds),
                number,
            )
            makers[lists.NETWORK] = ranked
            ranked = makers[lists.CANDIDATES] = live.maker(loaded.live)
        pooled = composed_slates.pooled(ranked, sources, config.composition, data)
        orders[lists.CANDIDATES] = shown_lists.candidates(data, trained, of_videos)
        if run.ranking is not None and not leaks.ranker_learns_later(data, run.cases):
            order = composed_slates.order(data, config.composition)
            makers[lists.SYSTEM] = lists.composed(
                data, pooled, run.ranking, number, order
            )
    scorers: dict[str, shown_scorers.Scorer] = {}
    if run.ranking is not None:
        scorers = by_counts | {
            shown_scorers.RANKER: shown_scorers.scorer(data, run.ranking)
        }
    if pooled is not None and data.log.has_impressions and pages is not None:
        makers[lists.CANDIDATES_BY_TRUTH] = pages.reordered(pooled, number)
    return measure.Systems(makers, scorers, orders)


def _as_trained(
    workdir: pathlib.Path, data: PreparedData, config: configs.EvaluationConfig
) -> lists.Maker:
    """Returns the maker of the lists of a run's trained candidates.

    Args:
      workdir: Directory of the run.
      data: Another set of its log, whose videos have another order: that of the lists.
      config: Settings of the lists.
    """
    own = prepared.load(workdir / prepared.KIND)
    trained = users_in_parts.by_window(
        trained_stage.load(workdir / trained_stage.KIND, own).candidates,
        users_in_parts.WindowOpener(config.window_events),
    )
    moment = int(own.manifest.facts["windows"]["test"])
    vectors = functools.cache(lambda: trained.video_vectors(moment))
    places = _places(own, data)

    def make(cases: user_cases.Cases, k: int) -> lists.Lists:
        requests = cases.users, cases.ends, cases.times
        asked = user_cases.at_requests(own, requests, config, trained.num_listed)
        return places[lists.from_model(own, trained, vectors())(asked, k)]

    return make


def _places(of: PreparedData, among: PreparedData) -> npt.NDArray[np.int32]:
    """Returns the index of each video in another order of the catalogue, 0 first."""
    order, others = (each.videos[schema.VIDEO_ID].arg_sort() for each in (of, among))
    places = np.zeros(len(order) + 1, np.int32)
    places[order.to_numpy() + 1] = others.to_numpy() + 1
    return places
