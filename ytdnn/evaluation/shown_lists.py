"""The value of an order on a log: each user's impressions, ordered by each system.

All impressions of a user in the window form one list, over slates and visits: in a feed
a slate has one or two videos, too few to order. A system orders the list by features
read when the list began, as in serving (`shown_scorers.scorer` gives the reason).
Measured are the share of the watch time in its first places and nDCG by seconds
(`impression_metrics`); without watch time those of clicks, and grouped AUC. The log
decides which videos are in the lists, so an order of other videos is not judged, and a
video that was shown earlier or higher may have been watched for that reason.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from ytdnn.base import configs
from ytdnn.base.metrics import bootstrap, metric_names
from ytdnn.evaluation import (
    boosted_trees,
    impression_metrics,
    lists,
    models,
    report_parts,
    shown_baselines,
    shown_scorers,
)
from ytdnn.log import prepared, prepared_log
from ytdnn.ranking import predictions
from ytdnn.retrieval import first_stage_replay

LOGGED = "logged"
RANDOM = "random"
BEST = "best"
BASELINES = (shown_scorers.POPULARITY, *shown_baselines.NAMES, boosted_trees.LIGHTGBM)
METRICS = (
    metric_names.FIRST_QUARTER,
    metric_names.FIRST_HALF,
    metric_names.LIST_NDCG,
)
_REQUESTS_A_BLOCK = 1 << 14  # so that memory does not grow with the log
_LAST = float(np.finfo(np.float32).min)  # finite, so that such rows tie


def candidates(
    data: prepared.PreparedData,
    trained: models.RetrievalModel,
    video_vectors: models.Vectors,
) -> shown_scorers.Scorer:
    """Returns the scorer by the candidate model's product when each list begins.

    A video that the model cannot list is placed last.

    Args:
      data: The prepared set.
      trained: The candidate model.
      video_vectors: `[num_listed, dim]` vectors of the candidate model.
    """

    def score(impressions: shown_scorers.SplitImpressions) -> predictions.Predictions:
        rows, videos = impressions.list_starts, impressions.videos.astype(np.int64) - 1
        scores = np.full(len(rows), _LAST)
        # Rows of one list are neighbours, and share the user's vector.
        edges = np.append(
            np.flatnonzero(first_stage_replay.begins_request(data.log, rows)), len(rows)
        )
        for start in range(0, len(edges) - 1, _REQUESTS_A_BLOCK):
            block = edges[start : start + _REQUESTS_A_BLOCK + 1]
            vectors = trained.request_vectors(data, rows[block[:-1]])
            inside = np.arange(block[0], block[-1])
            owners = np.repeat(np.arange(len(vectors)), np.diff(block))
            listed = videos[inside] < len(video_vectors)
            inside, owners = inside[listed], owners[listed]
            scores[inside] = np.einsum(
                "nd,nd->n",
                vectors[owners],
                video_vectors[videos[inside]],
                dtype=np.float64,
            )
        return predictions.Predictions(scores)

    return score


def measure(
    log: prepared_log.UserLog,
    impressions: shown_scorers.SplitImpressions,
    orders: Mapping[str, npt.NDArray[np.floating]],
    config: configs.EvaluationConfig,
    level: float = bootstrap.LEVEL,
) -> report_parts.ShownLists | None:
    """Measures orders of the lists; None if no user was shown two videos.

    Args:
      log: The users and their events.
      impressions: Impressions of the window.
      orders: `[n]` scores of each system, higher = placed first.
      config: Settings of resamples and their seed.
      level: Level of the intervals of differences to counts of earlier impressions.
    """
    sizes = impressions.by_user(1.0)
    in_list = sizes[impressions.users] > 1.0
    if not in_list.any():
        return None
    shown = impressions.select(in_list)
    logged, logged_by = _logged(log, shown)
    kept = {name: np.asarray(scores)[in_list] for name, scores in orders.items()}
    first = {k: v for k, v in kept.items() if k in BASELINES}
    every = first | {LOGGED: logged} | kept
    every |= {BEST: shown.gains, RANDOM: np.zeros(len(logged))}
    result = resampled({k: parts(shown, scores) for k, scores in every.items()}, config)
    return report_parts.ShownLists(
        users=shown.num_users,
        users_left_out=int((sizes == 1.0).sum()),
        impressions=len(shown.rows),
        gain="clicks" if shown.seconds is None else "watch_seconds",
        total=float(shown.gains.sum()),
        logged_order="position" if logged_by else "time",
        systems={name: result.metrics(name) for name in every},
        ahead=_all_ahead(result, level),
    )


def parts(
    impressions: shown_scorers.SplitImpressions, scores: npt.NDArray[np.floating]
) -> impression_metrics.Parts:
    """Returns numerators and denominators of `METRICS` for each user.

    Grouped AUC is added where the log has no watch time, so that orders are by clicks.

    Args:
      impressions: Impressions of the window.
      scores: `[n]`, higher = placed first.
    """
    sums = impression_metrics.list_parts(impressions, scores)
    sums = {name: sums[name] for name in METRICS}
    if impressions.seconds is None:
        name = metric_names.GROUPED_AUC
        sums[name] = impression_metrics.grouped_auc_parts(impressions, scores)
    return sums


@dataclasses.dataclass(frozen=True)
class Resamples:
    """Metrics of several systems on the same resamples of the users.

    Attributes:
      values: By system and metric.
      draws: By system and metric, `[resamples]`.
    """

    values: dict[str, dict[str, float]]
    draws: dict[str, dict[str, npt.NDArray[np.float64]]]

    def metrics(self, name: str) -> dict[str, report_parts.WithInterval]:
        """Returns the metrics of a system with their intervals."""
        return {
            metric: (value, *impression_metrics.ends(self.draws[name][metric]))
            for metric, value in self.values[name].items()
        }

    def ahead(
        self, name: str, other: str, level: float = bootstrap.LEVEL
    ) -> dict[str, report_parts.WithInterval]:
        """Returns a system's metrics minus another's, paired by user."""
        return {
            metric: (
                value - self.values[other][metric],
                *impression_metrics.ends(
                    self.draws[name][metric] - self.draws[other][metric], level
                ),
            )
            for metric, value in self.values[name].items()
        }


def resampled(
    sums: Mapping[str, impression_metrics.Parts], config: configs.EvaluationConfig
) -> Resamples:
    """Returns the metrics of systems, every system on the same resamples.

    Args:
      sums: Numerators and denominators for each user, by system and metric.
      config: Resamples and their seed.
    """
    keys = [(name, metric) for name, of_users in sums.items() for metric in of_users]
    pairs = [sums[name][metric] for name, metric in keys]
    above, below = (np.stack([pair[side] for pair in pairs], axis=1) for side in (0, 1))
    drawn = bootstrap.ratio_draws(above, below, config.num_resamples, config.seed)
    values: dict[str, dict[str, float]] = {name: {} for name in sums}
    draws: dict[str, dict[str, npt.NDArray[np.float64]]] = {name: {} for name in sums}
    for place, (name, metric) in enumerate(keys):
        values[name][metric] = bootstrap.ratio(*(part.sum() for part in pairs[place]))
        draws[name][metric] = drawn[:, place]
    return Resamples(values, draws)


def _logged(
    log: prepared_log.UserLog, impressions: shown_scorers.SplitImpressions
) -> tuple[npt.NDArray[np.float64], bool]:
    """Returns the log's own order of impressions, and whether it is by positions.

    Equal positions in several slates tie; unknown positions are last.
    """
    index, table = log.shard_index, "impressions"
    if index.has(table, "positions"):
        of_rows = index.gather(table, "positions", impressions.rows).astype(np.float64)
        if (of_rows >= 0.0).any():
            return np.where(of_rows >= 0.0, -of_rows, _LAST), True
    # Rows lie sorted by user and time.
    return -index.gather(table, "times", impressions.rows).astype(float), False


def _all_ahead(
    result: Resamples, level: float
) -> dict[str, dict[str, report_parts.WithInterval]]:
    """Returns the gain of the ranker, or else the candidates, over each order."""
    own = next(
        (n for n in (shown_scorers.RANKER, lists.CANDIDATES) if n in result.values), ""
    )
    others = (*BASELINES, LOGGED, lists.CANDIDATES)
    return {
        name: result.ahead(
            own, name, level if name in shown_baselines.NAMES else bootstrap.LEVEL
        )
        for name in others
        if own and name in result.values and name != own
    }
