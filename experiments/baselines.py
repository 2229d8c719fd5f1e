r"""Is the network better than what came before it?

Claim: the network beats its predecessor, matrix factorisation under a rank loss, and
what can be counted without training (PAPER §3).

    ytdnn study --config=experiments/baselines.py --workdir=runs/baselines/quickstart \
        --stage=candidates --seeds=0,1,2
    ytdnn study --config=experiments/baselines.py:ml-100k \
        --workdir=runs/baselines/ml-100k --stage=candidates --seeds=0,1,2 \
        --config.data.dir=ml-100k.zip

and so `:ml-latest-small` and `:ml-1m`, each with its own `--config.data.dir`.

`network_under_warp`: the network under the loss of its predecessor.
`matrix_factorization`: a user is the mean of the embeddings of the watched videos,
through one linear layer; no other feature; WARP (Weston et al., 2011).
`factorization_machine`: the same layer on all features of the network, so that the
embedding of each meets the video's in a product, under the pairwise rank loss BPR
(Rendle, 2010). Both export and serve as the network does. `popularity`,
`recent_popularity`, `markov` and `co_watch` are counts (docs/evaluation.md).

Protocol: as of experiments/quickstart.py (temporal, a world of another seed) and
experiments/movielens_100k.py (leave-one-out), whose networks stand here.
WARP and BPR drew 256 negatives a step when this was measured; they draw 1,024 now.

Measured 2026-11-26, quickstart, training seeds 0 and 1, one thread beside much other
work; mean and standard deviation, the difference paired by user:

| | HR@10 | nDCG@10 | recall@50 | HR@10 less the network's |
|---|---|---|---|---|
| network | .523 ± .005 | .154 ± .003 | .353 ± .001 | |
| network_under_warp | .550 ± .006 | .167 ± .002 | .380 ± .004 | + .027 ± .010 |
| matrix_factorization | .531 ± .002 | .156 ± .003 | .349 ± .002 | + .007 ± .015 |
| factorization_machine | .399 ± .005 | .091 ± .005 | .252 ± .003 | − .124 ± .018 |
| co_watch | 0.288 | 0.081 | 0.156 | |
| markov | 0.190 | 0.051 | 0.095 | |
| popularity | 0.117 | 0.022 | 0.065 | |
| recent_popularity | 0.082 | 0.015 | 0.052 | |
| oracle | 0.803 | 0.361 | 0.618 | |

MovieLens-100K, seeds 0, 1 and 2 (under WARP 0 and 1), one thread of an Intel Xeon
beside other work, 2026-11-27; ± of the difference, for WARP of 2026-11-26 and seed 0
alone: half a 95 % interval. All serve 65 coordinates; a user's takes 0.03 to 0.04 ms:

| | HR@10 | nDCG@10 | recall@50 | HR@10 less the network's |
|---|---|---|---|---|
| network | .227 ± .003 | .118 ± .002 | .510 ± .002 | |
| network_under_warp | .216 ± .007 | .111 ± .003 | .500 ± .002 | − .011 ± .018 |
| matrix_factorization | .126 ± .007 | .061 ± .003 | .350 ± .004 | − .101 ± .022 |
| factorization_machine | .114 ± .006 | .052 ± .003 | .345 ± .007 | − .113 ± .023 |
| co_watch | 0.199 | 0.107 | 0.483 | |
| markov | 0.144 | 0.076 | 0.343 | |
| popularity | 0.087 | 0.045 | 0.203 | |
| recent_popularity | 0.071 | 0.035 | 0.172 | |

ml-latest-small, seeds 0, 1 and 2, one thread beside other work (2026-11-26):

| | HR@10 | nDCG@10 | recall@50 | HR@10 less the network's |
|---|---|---|---|---|
| network | .128 ± .010 | .069 ± .004 | .319 ± .004 | |
| matrix_factorization | .060 ± .008 | .029 ± .004 | .223 ± .022 | − .068 ± .021 |
| factorization_machine | .048 ± .006 | .023 ± .003 | .189 ± .012 | − .080 ± .022 |
| co_watch | 0.118 | 0.063 | 0.348 | |
| markov | 0.087 | 0.052 | 0.185 | |
| popularity | 0.043 | 0.020 | 0.110 | |
| recent_popularity | 0.003 | 0.001 | 0.054 | |

The network is above what is counted too, but not surely above co-watch, whose lists of
fifty hold more.

MovieLens-1M, seed 0, likewise (the network was trained elsewhere: movielens_1m.py, with
validation held out):

| | HR@10 | nDCG@10 | recall@50 |
|---|---|---|---|
| network | 0.336 | 0.198 | |
| matrix_factorization | 0.133 | 0.067 | 0.338 |
| factorization_machine | 0.111 | 0.057 | 0.321 |
| co_watch | 0.203 | 0.109 | 0.447 |
| markov | 0.214 | 0.126 | 0.395 |
| popularity | 0.037 | 0.018 | 0.139 |
| recent_popularity | 0.008 | 0.004 | 0.024 |

The claim holds on MovieLens. On the world matrix factorisation under WARP, which there
reads the same content of the videos, is level with the network under sampled softmax;
under the same loss the network is above it, by .019 of HR@10. There the loss makes more
than the network does (retrieval_losses.py finds the same with ids alone); not on
MovieLens-100K, where the network's own loss is full softmax.
"""

import pathlib
from typing import Any

from experiments import logs
from ytdnn import configs, registries
from ytdnn.run.cli import resolved_config

_HERE = pathlib.Path(__file__).parent
_RANK_LOSSES = str(_HERE.parent / "docs" / "examples" / "rank_losses.py")
# Features of requests and users that the network reads by default.
_FEATURES = ("gender", "country", "age", "device", "logged_in")
_FILES = {
    "ml-100k": "movielens_100k.py",
    "ml-latest-small": "movielens_100k.py",  # has no settings of its own
    "ml-1m": "movielens_1m.py",
}


def get_config() -> configs.Config:
    """Returns the network on the quickstart world."""
    return get_variants()["network"]


def get_variants(log: str = "quickstart") -> dict[str, configs.Config]:
    """Returns the network and the trained baselines.

    Args:
      log: `quickstart`, `ml-100k`, `ml-latest-small` or `ml-1m`.
    """
    network = _network(log)
    bag = configs.changed(
        network,
        {
            "candidates.decay_rates": (),
            "candidates.learned_bags": 0,
            "candidates.tower": (),
            "candidates.skip_connection": "none",
            "candidates.dropout": 0.0,
            "candidates.precision": "float32",
        },
    )
    losses: Any = registries.LOSSES
    warp = {"candidates.loss": losses["warp"].config()}
    watches_alone = {
        "candidates.search_length": 0,
        "candidates.features": configs.FeaturesConfig(remove=_FEATURES),
    }
    return {
        "network": network,
        "network_under_warp": configs.changed(network, warp),
        "matrix_factorization": configs.changed(bag, {**watches_alone, **warp}),
        "factorization_machine": configs.changed(
            bag, {"candidates.loss": losses["bpr"].config()}
        ),
    }


def _network(log: str) -> configs.Config:
    """Returns one network on a log, measured beside the counts."""
    found = (
        logs.quickstart()
        if log == "quickstart"
        else resolved_config.load(str(_HERE / _FILES[log]))
    )
    # No number reported elsewhere is of this seed.
    data = {"data.world.seed": 13} if log == "quickstart" else {"data.name": log}
    return configs.changed(
        found,
        {
            **data,
            "extensions": (_RANK_LOSSES,),
            "candidates.ensemble_size": 1,
            "candidates.train_on_validation": False,
            "evaluation.baselines": ("recent_popularity", "markov", "co_watch"),
        },
    )
