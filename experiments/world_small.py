"""How far is each stage from the best possible, on a world whose truth is known?

Claim: on ten thousand users and a million watches of the synthetic world both stages
close part of the gap between popularity and an oracle that knows every user's true
interests (PAPER §3, §4).

    ytdnn run --config=experiments/world_small.py --workdir=runs/world-small

Protocol: temporal, as in quickstart.py. The oracle sees each user's interests at the
moment asked for, drift and short-lived focus included: an upper bound.

Measured 2026-12-05, with the contest that no setting leaves in (at 070c443f; 40
core-minutes beside other work), seed 0: 7,546 test users:

| | popularity | ours | oracle |
|---|---|---|---|
| candidates hit_rate@10 | 0.121 | 0.547 | 0.793 |
| candidates nDCG@10 | 0.023 | 0.166 | 0.337 |
| ranking AUC of clicks | 0.635 | 0.772 | 0.837 |
| ranking grouped AUC | 0.630 | 0.735 | 0.827 |
| weighted per-user loss ↓ | 0.283 | 0.162 | 0.109 |
| weighted log loss ↓ | 0.1102 | 0.0951 | 0.0823 |
| true watch seconds of the page of ten | 289 | 2,760 | 6,456 |

The best order of the page's 300 candidates is worth 3,591. The page has 3.50 expected
clicks, the candidates' 2.54. Asked at the time of 3,000 watches, the candidates are
above co-watching (hit rate@10 0.285 and 0.223) and the week and what followed (nDCG@10
0.187 and 0.177). With ten epochs of the network alone (1b39fd34) these were 0.218 and
0.127, nDCG@10 of the lists 0.145 and the page 2,807 seconds. On 2026-11-28 three seeds
had pages of 2,562, 2,573 and 2,556 seconds.
"""

from ytdnn import configs


def get_config() -> configs.Config:
    """Returns the small world, with no other setting given."""
    return configs.Config(data=configs.DataConfig(world=configs.WORLDS["small"]))
