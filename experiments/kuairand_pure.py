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

Measured 2026-11-28 on ten days of the standard log (171,671 impressions, 17,041 of them
test), on one candidate model. The network, inputs and optimiser are those of the
default; the batches were cut from memory, and all eight epochs run:

| | AUC | grouped AUC | per-user loss | click log loss | first half | click AUC |
|---|---|---|---|---|---|---|
| popularity, the ranker's window | .616 | .563 | .402 | .652 | .615 | |
| popularity, all training impressions | .633 | .568 | .343 | .639 | .629 | |
| LightGBM, click odds × seconds | .708 | .586 | .379 | .591 | .645 | .740 |
| default, seed 0 | .710 | .587 | .366 | .597 | .633 | .734 |
| seed 1 | .709 | .580 | .373 | .597 | .630 | .733 |
| seed 2 | .708 | .580 | .368 | .597 | .634 | .733 |

Less LightGBM, paired by user: AUC + .0017, + .0008, + .0002 (± .0025), grouped AUC
+ .0005, − .0064, − .0057 (± .009), per-user loss − .013, − .006, − .011 (± .05), first
half − .012, − .016, − .011 (± .011). Less popularity of the window: AUC + .092 to .093,
grouped AUC + .024, + .017, + .018 (each interval above 0), first half + .015 to + .019
(± .015), per-user loss − .029 to − .036 (± .06). So the order is level with LightGBM's
in AUC, grouped AUC and per-user loss, and behind in the first half. Seconds, calibrated
on the validation window as `train` does it: .960, .977, .981 of those observed, deciles
.885 to 1.081, .915 to 1.084, .853 to 1.094. nDCG of the validation lists, by which
`auto` chooses: .847, .853, .843 (candidates .817, popularity .846).

What each part adds on the last 20,052 impressions before the test, one seed of five
epochs (docs/defaults.md has the rates of the tables):

| | AUC | grouped AUC | per-user loss | click log loss | first half |
|---|---|---|---|---|---|
| all impressions and own columns | .712 | .573 | .337 | .600 | .627 |
| the ranker's own window alone | .677 | .562 | .342 | .626 | .612 |
| no own columns | .704 | .574 | .354 | .604 | .629 |
| attention over the history (DIN) | .712 | .575 | .352 | .600 | .624 |

Heads on the same impressions, so trained; `seconds` is the default here:

| | AUC | grouped AUC | per-user loss | first half | click AUC |
|---|---|---|---|---|---|
| seconds | .712 | .573 | .337 | .627 | .731 |
| fraction | .697 | .570 | .342 | .641 | .733 |
| bins | .698 | .572 | .347 | .639 | .732 |
| quantiles | .718 | .586 | .313 | .596 | .733 |
| log_seconds | .720 | .581 | .326 | .609 | .731 |
| exact_odds | .678 | .561 | .384 | .646 | |
| click | .733 | .610 | .342 | .540 | .733 |

Measured 2026-11-27, one seed, two loaded cores, with tables that learned ten times
slower in 20 epochs; `before` is the default of the parent:

| | AUC | grouped AUC | per-user loss | click log loss | first half | seconds, ratio |
|---|---|---|---|---|---|---|
| popularity | .616 | .563 | .402 | .652 | .615 | .99 |
| candidates | .561 | .526 | .413 | | .525 | |
| before | .616 | | .461 | .628 | | 1.18 |
| fraction (default before, 13 epochs) | .693 | .568 | .352 | .595 | .633 | 1.00 |
| fraction, 20 epochs | .694 | .568 | .387 | .595 | .632 | |
| seconds (20 epochs), seed 0 | .706 | .575 | .390 | .595 | .625 | .99 |
| the same, seed 1 | .704 | .580 | .381 | .598 | .627 | |

A list is ordered by what was known when it began (docs/evaluation.md): of the moment of
each impression, seed 0 has a grouped AUC of .543. Seconds by deciles, seed 0: .88 to
1.08. Both seeds read one candidate model. Beside them, on the inputs of these runs,
LightGBM (lightgbm_ranker.py) has .708, .586, .379, .591 and .645 by click odds ×
seconds; the AUC of its clicks is .740, of the ranker's .735 and .731. Popularity of all
151,078 impressions that both learn from has .633, .568, .343, .639 and .629.

The claim holds for clicks and seconds, and the ranker is ahead of popularity as
`ytdnn evaluate` measures it, in each of the five; the difference of per-user losses is
within the noise (± .05).

The target was chosen on the last 20,052 impressions before the test, one network of
nine epochs with all targets side by side: AUC, grouped AUC and first half of popularity
.636, .555, .605; `fraction` .691, .561, .633; `bins` .693, .561, .631; `seconds` .707,
.571, .623; `quantiles` .713, .575, .581; `log_seconds` .719, .581, .598. The last two
are below popularity in watch time. The other variants were not measured by the command
above yet.
"""

from typing import Any

from ytdnn import configs

_TRAINING = configs.TrainingConfig(
    epochs=8,
    batch_size=512,
    learning_rate=1e-3,
    patience=4,
    table_learning_rate=3e-3,
    table_accumulator=1e-7,
)
_RANKING = configs.RankingConfig(
    tower=(256, 64),
    dropout=0.3,
    least_impressions=200_000,
    # As `auto` chooses here.
    head=configs.ClickTimesWatchTimeConfig(watch_time="seconds"),
    training=_TRAINING,
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
    settings = {name: {"head": head} for name, head in _HEADS.items()} | _OTHERS
    return {
        name: configs.changed(
            get_config(), {"ranking": configs.changed(_RANKING, changes)}
        )
        for name, changes in settings.items()
    }
