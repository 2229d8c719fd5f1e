"""Fits the live terms of the candidates, and decides whether they serve.

Each watch of a window before the test is a request (`request_protocol`), whose answer
is chosen among the videos with terms: a conditional logit, which is convex. It is
fitted to the requests of one half of the users and judged by those of the other, and
serves where it is surely better than the network alone. Its weights are then fitted to
all of them.
"""

import dataclasses
import pathlib
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from scipy import optimize

from ytdnn.base import configs
from ytdnn.base.metrics import metric_names
from ytdnn.evaluation import (
    lists,
    live_term_lists,
    models,
    order_choice_artifact,
    request_cases,
    user_cases,
    user_means,
    users_in_parts,
)
from ytdnn.log import events, prepared
from ytdnn.retrieval import live_terms, trained_stage

Floats = npt.NDArray[np.float64]

_LIVE = "live"
_NUM_REQUESTS = 4_000
_LEAST_REQUESTS = 100  # of each half
_MOST_COUNTS = 2_000_000_000  # requests × videos
_NUM_CHOICES = 100  # videos a request is fitted to, those with the largest first sum
_SHRINKAGE = 1.0  # of weights of terms with variance 1
_K = 10
# Candidates of a ranker by watch time serve its page, which hits do not judge: they are
# left where the network holds half as many answers.
_FACTOR_BY_SECONDS = 2.0


def from_run(
    config: configs.Config, workdir: pathlib.Path, has_ranker: bool = False
) -> order_choice_artifact.Choice:
    """Returns the choice of a run.

    Args:
      config: Config of the run.
      workdir: Directory of the run, with `data` and `candidates`.
      has_ranker: Whether a ranker orders the candidates.
    """
    data = prepared.load(workdir / prepared.KIND)
    trained = trained_stage.load(workdir / trained_stage.KIND, data).candidates
    windows = users_in_parts.WindowOpener(config.evaluation.window_events)
    trained = users_in_parts.by_window(trained, windows)
    return choose(data, trained, config, has_ranker)


def choose(
    data: prepared.PreparedData,
    trained: models.RetrievalModel,
    config: configs.Config,
    has_ranker: bool = False,
) -> order_choice_artifact.Choice:
    """Fits live terms, and compares them with the network alone.

    Lists are judged by their nDCG, a ranker's candidates by how often they hold the
    answer.

    Args:
      data: The prepared set.
      trained: The candidate model.
      config: Rules of right answers, resamples and their seed.
      has_ranker: Whether a ranker orders the candidates.
    """
    number = min(_NUM_REQUESTS, max(_MOST_COUNTS // data.num_videos, 1_000))
    rules = dataclasses.replace(
        config.evaluation, num_requests=number, users="", videos=""
    )
    num_listed = trained.num_listed
    asked = request_cases.cases(data, _split(data), rules, num_listed)
    if asked is None or trained.trains_on_validation:
        return order_choice_artifact.Choice(True, "")
    is_first = asked.cases.users % 2 == 0
    if min(is_first.sum(), (~is_first).sum()) < _LEAST_REQUESTS:
        return order_choice_artifact.Choice(True, "")
    vectors = trained.video_vectors(int(asked.cases.times.min()))
    candidates = live_term_lists.LiveCandidates(
        data,
        trained,
        vectors,
        int(asked.moments.min()),
        int(rules.delay_seconds),
        config.composition.num_candidates,
    )
    choices = _choices(candidates, asked)
    first = _fitted(choices.take(is_first))
    makers = {
        _LIVE: candidates.maker(first),
        lists.NETWORK: lists.from_model(data, trained, vectors),
    }
    length = config.composition.num_candidates if has_ranker else _K
    by_seconds = has_ranker and data.log.has_watch_seconds
    factor = _FACTOR_BY_SECONDS if by_seconds else 1.0
    serves, words = _judged(makers, asked, ~is_first, config, length, factor)
    weights = tuple(_fitted(choices).vector.tolist()) if serves else ()
    return order_choice_artifact.Choice(True, words, live_weights=weights)


def _split(data: prepared.PreparedData) -> events.Split:
    """Returns the split of the requests: the ranker's window where there is one.

    It lies right before the test, and may have other times than a user's history, which
    some logs have without times.
    """
    windows = data.manifest.facts.get("windows") or {"ranking": 0, "test": 0}
    has_window = data.windows.has_own_window and windows["ranking"] < windows["test"]
    return events.Split.CONTEXT if has_window else events.Split.VALIDATION


def _judged(
    makers: Mapping[str, lists.Maker],
    asked: request_cases.RequestCases,
    keep: npt.NDArray[np.bool_],
    config: configs.Config,
    length: int,
    factor: float = 1.0,
) -> tuple[bool, str]:
    """Returns whether live terms serve, and the reason in words.

    Args:
      makers: Makers of lists with and without live terms.
      asked: All requests.
      keep: `[n]`, those to judge by.
      config: Resamples, and whether live terms are asked for.
      length: Length of the lists.
      factor: How many times the network's gain live terms must surely have.
    """
    judged = user_cases.take(asked.cases, np.flatnonzero(keep))
    gains = {
        name: _gains(make(judged, length), asked, keep, length > _K)
        for name, make in makers.items()
    }
    needed = gains | {lists.NETWORK: factor * gains[lists.NETWORK]}
    value, low, high = _difference(needed, judged.users, config.evaluation)
    serves = low > 0.0 or config.composition.live is True
    judge = metric_names.at("hit rate" if length > _K else "nDCG", length)
    return serves, (
        f"The candidates {'follow' if serves else 'do not follow'} what is watched at "
        f"the time of a request (composition.live={config.composition.live}): on "
        f"{len(judged):,} requests before the test window {judge} is "
        f"{gains[_LIVE].mean():.3f} with it and {gains[lists.NETWORK].mean():.3f} "
        f"without ({'' if factor == 1.0 else f'over {factor:g} times that: '}"
        f"{value:+.3f}, {low:+.3f} to {high:+.3f})"
    )


@dataclasses.dataclass(frozen=True)
class _Choices:
    """Requests, the videos to choose among, and the chosen one.

    Attributes:
      offsets: `[n + 1]` of each request's rows of `terms`.
      terms: `[rows, NUM_TERMS]`.
      chosen: `[n]` place of the answer among the request's rows, -1 = not there.
    """

    offsets: npt.NDArray[np.int64]
    terms: Floats
    chosen: npt.NDArray[np.int64]

    def take(self, keep: npt.NDArray[np.bool_]) -> "_Choices":
        """Returns some of the requests."""
        sizes = np.diff(self.offsets)
        offsets = np.append(0, np.cumsum(sizes[keep]))
        return _Choices(offsets, self.terms[np.repeat(keep, sizes)], self.chosen[keep])


def _choices(
    candidates: live_term_lists.LiveCandidates, asked: request_cases.RequestCases
) -> _Choices:
    """Returns the requests with their likeliest videos and the answers."""
    start = np.ones(live_terms.NUM_TERMS)
    parts: list[Floats] = [np.zeros((0, live_terms.NUM_TERMS))] * len(asked)
    chosen = np.full(len(asked), -1, np.int64)
    for row, videos, terms in candidates.terms(asked.cases):
        best = np.sort(np.argsort(-(terms @ start), kind="stable")[:_NUM_CHOICES])
        place = np.flatnonzero(videos[best] == asked.answers[row])
        if len(place) and not asked.is_repeat[row]:
            chosen[row] = place[0]
        parts[row] = terms[best].astype(np.float32)
    offsets = np.append(0, np.cumsum([len(part) for part in parts]))
    return _Choices(offsets, np.concatenate(parts), chosen)


def _fitted(choices: _Choices) -> live_terms.Weights:
    """Returns the weights with the largest likelihood, shrunk a little."""
    start = np.zeros(live_terms.NUM_TERMS)
    known = choices.take(choices.chosen >= 0)
    if not len(known.chosen):
        return live_terms.weights(start)
    scale = known.terms.std(axis=0)
    scale = np.where(scale > 0.0, scale, 1.0)
    terms = known.terms / scale
    starts, sizes = known.offsets[:-1], np.diff(known.offsets)
    answers = starts + known.chosen

    def loss(weights: Floats) -> tuple[float, Floats]:
        logits = terms @ weights
        logits -= np.repeat(np.maximum.reduceat(logits, starts), sizes)
        odds = np.exp(logits)
        total = np.add.reduceat(odds, starts)
        shares = odds / np.repeat(total, sizes)
        value = float((np.log(total) - logits[answers]).sum())
        slope = shares @ terms - terms[answers].sum(axis=0)
        value += 0.5 * _SHRINKAGE * float(weights @ weights)
        return value, slope + _SHRINKAGE * weights

    bounds = [(0.0 if least else None, None) for least in live_terms.NOT_NEGATIVE]
    solved = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return live_terms.weights(solved.x / scale)


def _gains(
    listed: lists.Lists,
    asked: request_cases.RequestCases,
    keep: npt.NDArray[np.bool_],
    are_hits: bool,
) -> Floats:
    """Returns the gain, or the hit, of each request's list, `[n]`."""
    is_answer = listed == asked.answers[keep][:, np.newaxis]
    is_answer &= ~asked.is_repeat[keep][:, np.newaxis]
    if are_hits:
        return is_answer.any(axis=1).astype(np.float64)
    return is_answer @ (1.0 / np.log2(np.arange(listed.shape[1]) + 2.0))


def _difference(
    gains: Mapping[str, Floats],
    users: npt.NDArray[np.integer],
    config: configs.EvaluationConfig,
) -> tuple[float, float, float]:
    """Returns the mean gain of the first less the second, with its interval by user."""
    own, other = gains.values()
    numbers = np.unique(users, return_inverse=True)[1]
    number = np.bincount(numbers).astype(np.float64)
    sums = np.bincount(numbers, own - other)
    parts = {_LIVE: (sums.astype(np.float64), number)}
    value, low, high = user_means.with_intervals(parts, config)[_LIVE]
    return value or 0.0, low or 0.0, high or 0.0
