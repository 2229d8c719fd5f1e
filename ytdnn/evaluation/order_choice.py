"""Which order a run serves: the ranker's, or the candidates' (`ranking.enabled=auto`).

Judged on the validation window, which neither stage was fitted to, by the orders of
each user's impressions (`shown_lists`): not by hits, which count only what the log
chose to show. The ranker is served where its order is ahead of the candidates' and of
popularity: one that a video's own statistic beats has learned nothing to be served for.
"""

import math
import pathlib
from collections.abc import Mapping

from ytdnn import configs
from ytdnn.data import prepared
from ytdnn.evaluation import (
    chosen_order,
    impression_metrics,
    lists,
    models,
    ranker,
    report_parts,
    shown_lists,
)
from ytdnn.ranking import model as ranking_model
from ytdnn.retrieval import stage as retrieval_stage

JUDGE = impression_metrics.FIRST_HALF
_ADVICE = (
    "to mend it, give the ranker more impressions (--config.data.ranking_fraction) or "
    "judge other settings of it on validation (`ytdnn study`); "
    "--config.ranking.enabled=true serves it all the same"
)


def of_run(config: configs.Config, workdir: pathlib.Path) -> chosen_order.Choice:
    """Returns the choice of a run.

    Args:
      config: The run's.
      workdir: With `data`, `candidates` and `ranking`.
    """
    data = prepared.load(workdir / prepared.KIND)
    first_stage = retrieval_stage.load(
        workdir / retrieval_stage.KIND, data, config.composition
    )
    ranking = ranking_model.load(workdir / ranking_model.KIND, data, first_stage)
    return choose(data, first_stage.candidates, ranking)


def choose(
    data: prepared.PreparedData,
    trained: models.Candidates,
    ranking: models.Ranker,
    config: configs.Evaluation | None = None,
) -> chosen_order.Choice:
    """Compares the ranker with the candidates and popularity, paired by user.

    Args:
      data: The prepared set.
      trained: The candidate model.
      ranking: The ranker.
      config: Resamples and their seed; None: the defaults.
    """
    impressions = ranker.Impressions(data, prepared.Split.VALIDATION)
    scorers = {
        ranker.POPULARITY: ranker.popularity(data),
        ranker.RANKER: ranker.scorer(data, ranking),
    }
    if data.has_own_window or not trained.trains_on_validation:
        vectors = trained.video_vectors(data.training_window[1])
        scorers[lists.CANDIDATES] = shown_lists.candidates(data, trained, vectors)
    orders = {name: score(impressions).order for name, score in scorers.items()}
    config = configs.Evaluation() if config is None else config
    judged = shown_lists.measure(data, impressions, orders, config)
    return _decided(judged)


def _decided(judged: report_parts.ShownLists | None) -> chosen_order.Choice:
    """Returns the choice that the orders of a window lead to."""
    rivals = (lists.CANDIDATES, ranker.POPULARITY)
    gains = {}
    if judged is not None:
        ahead = judged.ahead
        gains = {name: ahead[name][JUDGE][0] for name in rivals if name in ahead}
    known = {k: v for k, v in gains.items() if v is not None and math.isfinite(v)}
    if judged is None or not known:
        words = (
            "The ranker's order is served (ranking.enabled=auto), but was not judged: "
            "no user was shown two videos in the validation window and watched one. "
            "More impressions (--config.data.ranking_fraction) would tell"
        )
        return chosen_order.Choice(True, words)
    serves = all(gain > 0.0 for gain in known.values())
    better = "The ranker's order" if serves else "The candidates' order"
    words = f"{better} is served (ranking.enabled=auto): {_compared(judged, known)}"
    return chosen_order.Choice(serves, words if serves else f"{words}; {_ADVICE}")


def _compared(judged: report_parts.ShownLists, gains: Mapping[str, float]) -> str:
    """Returns the comparison in words."""
    what = judged.gain.replace("_", " ")
    parts = []
    for name in gains:
        value, low, high = (
            0.0 if part is None else 100.0 * part for part in judged.ahead[name][JUDGE]
        )
        held = 100.0 * (judged.systems[name][JUDGE][0] or 0.0)
        words = "the candidates'" if name == lists.CANDIDATES else "popularity's"
        parts.append(f"{words} {held:.1f} % ({value:+.1f}, {low:+.1f} to {high:+.1f})")
    own = 100.0 * (judged.systems[ranker.RANKER][JUDGE][0] or 0.0)
    return (
        f"of the {what} of {judged.users:,} users on the validation window, the first "
        f"half of each user's videos holds {own:.1f} % in the ranker's order, in "
        f"{' and in '.join(parts)}"
    )
