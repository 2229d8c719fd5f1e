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
test), three whole runs with no setting given but the page gap, and LightGBM on the
inputs and rows of each:

| | AUC | grouped AUC | per-user loss | click log loss | first half | seconds |
|---|---|---|---|---|---|---|
| popularity, the ranker's window | .616 | .563 | .402 | .652 | .615 | .99 |
| popularity, all training impressions | .633 | .568 | .343 | .639 | .629 | |
| default, seed 0 | .708 | .582 | .366 | .596 | .637 | .965 |
| seed 1 | .710 | .580 | .382 | .596 | .627 | .970 |
| seed 2 | .711 | .583 | .377 | .598 | .626 | .979 |
| LightGBM, click odds × seconds | .708 | .586 | .379 | .591 | .645 | |
| of seed 1 | .710 | .587 | .377 | .590 | .644 | |
| of seed 2 | .709 | .589 | .376 | .591 | .649 | |

Less LightGBM, paired by user: AUC .0000, − .0004, + .0017 (± .0026), grouped AUC
− .0039, − .0064, − .0059 (± .009), per-user loss − .013, + .005, + .001 (± .05), first
half − .008, − .017, − .023 (± .011). So the order is level with LightGBM's but for the
first half of two seeds. It is ahead of popularity of its window, as `ytdnn evaluate`
measures it, in each. Deciles of the seconds: .93 to 1.03, .88 to 1.09, .92 to 1.10.
`auto` serves the ranker in each: nDCG of the validation lists .844, the candidates'
.817, .815, .816 (popularity's .846). Watch seconds of hits@10 are 1.53, 1.43 and
1.76 (candidates 3.18, 3.69 and 3.30, popularity 2.07).

What each part adds on the last 20,052 impressions before the test, one seed of five
epochs (docs/defaults.md has the rates of the tables):

| | AUC | grouped AUC | per-user loss | click log loss | first half |
|---|---|---|---|---|---|
| all impressions and own columns | .712 | .573 | .337 | .600 | .627 |
| the ranker's own window alone | .677 | .562 | .342 | .626 | .612 |
| no own columns | .704 | .574 | .354 | .604 | .629 |

Heads on the test, seed 0, 2026-11-30, by a script on the candidates of one whole run,
first half as ordered with counted mean seconds where validation chose a weight of them;
more in docs/results.md:

| | MAE | XAUC | first half | click log loss |
|---|---|---|---|---|
| seconds, as `auto` chooses | 23.00 | .668 | .651 | .596 |
| d2q | 22.26 | .681 | .639 | .596 |
| tpm | 23.17 | .665 | .634 | .597 |
| cread | 22.87 | .667 | .635 | .600 |
| weighted_logistic | 34.99 | .672 | .639 | |
| exact_odds | 22.57 | .654 | .644 | |

Of the moment of each impression instead of the beginning of its list
(docs/evaluation.md) the grouped AUC is .543.
"""

import pathlib
from typing import Any

from ytdnn import configs, registries

_EXAMPLES = pathlib.Path(__file__).parents[1] / "docs" / "examples"
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
    "weighted_logistic": configs.WeightedLogisticConfig(),
    "click": configs.ClickConfig(),
}
_EXTENSIONS = "d2q", "tpm", "cread", "exact_odds"  # heads of the extension
_OTHERS: dict[str, dict[str, Any]] = {
    "own_window": {"least_impressions": 0},
    "named_columns": {"own_columns": 0},
}


def get_config() -> configs.Config:
    """Returns the default ranker for this log, every setting fixed."""
    return configs.Config(
        extensions=(str(_EXAMPLES / "watch_time_heads.py"),),
        data=configs.DataConfig(source="kuairand", name="pure", page_gap_seconds=600),
        candidates=configs.CandidatesConfig(),
        ranking=_RANKING,
    )


def get_variants() -> dict[str, configs.Config]:
    """Returns each head, and the default without one of its parts."""
    config = get_config()
    known: Any = registries.HEADS
    heads = _HEADS | {name: known[name].config() for name in _EXTENSIONS}
    settings = {name: {"head": head} for name, head in heads.items()} | _OTHERS
    return {
        name: configs.changed(config, {"ranking": configs.changed(_RANKING, changes)})
        for name, changes in settings.items()
    }
