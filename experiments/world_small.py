"""How far is each stage from the best possible, on a world whose truth is known?

Claim: on ten thousand users and a million watches of the synthetic world both stages
close part of the gap between popularity and an oracle that knows every user's true
interests (PAPER §3, §4).

    ytdnn run --config=experiments/world_small.py --workdir=runs/world-small

Protocol: temporal, as in quickstart.py. The oracle sees each user's interests at the
moment asked for, drift and short-lived focus included: an upper bound.

Measured 2026-12-02 at 1b39fd34, seed 0 (19 minutes and 20 core-minutes beside other
work, 4.5 GB): 7,546 test users:

| | popularity | ours | oracle |
|---|---|---|---|
| candidates hit_rate@10 | 0.121 | 0.509 | 0.793 |
| candidates nDCG@10 | 0.023 | 0.145 | 0.337 |
| ranking AUC of clicks | 0.635 | 0.771 | 0.837 |
| ranking grouped AUC | 0.630 | 0.734 | 0.827 |
| weighted per-user loss ↓ | 0.283 | 0.163 | 0.109 |
| weighted log loss ↓ | 0.1102 | 0.0954 | 0.0823 |
| true watch seconds of the page of ten | 289 | 2,807 | 6,456 |

On 2026-11-28 three seeds had pages of 2,562, 2,573 and 2,556 true seconds and per-user
losses of 0.1634, 0.1635 and 0.1640. The best order of the page's 300 candidates is
worth 3,675. The page has 3.42 expected clicks, the candidates' 2.44. Asked at the time
of 3,000 watches, the candidates are level with co-watching (hit rate@10 0.218 and
0.223) and below the week and what followed in nDCG@10 (0.127 and 0.177): ten epochs are
given here, which leaves the contest out.
"""

from ytdnn import configs


def get_config() -> configs.Config:
    """Returns the first candidate model and ranker on the small world."""
    return configs.Config(
        data=configs.DataConfig(world=configs.WORLDS["small"]),
        candidates=configs.CandidatesConfig(
            training=configs.TrainingConfig(epochs=10, patience=5)
        ),
        ranking=configs.RankingConfig(),
    )
