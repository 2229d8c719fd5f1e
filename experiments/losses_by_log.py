r"""Which loss suits which log, all other settings chosen from the log?

Claim: on real logs, too, softmax with sampled negatives and their correction is as good
as full softmax, and better than what ranks pairs (PAPER §3.1).

    ytdnn study --config=experiments/losses_by_log.py --workdir=runs/losses \
        --stage=candidates --seeds=0 --config.data.dir=ml-100k

Other logs by name (`--config=experiments/losses_by_log.py:NAME`): `ml-latest-small`,
`amazon-toys` (the Parquet file `interactions` with the columns `user_id`, `item_id` and
`seq`), by leave-one-out, and `log`, any event log of one's own, by time.

Protocol: all videos ranked, watched ones removed; the epoch is chosen on validation,
the test is measured once. Sampled losses have 1,024 negatives; `sampled` has the
batch's labels too, `sampled_alone` not, and `uncorrected` is `sampled_alone` without
the logQ correction (experiments/losses/).

Measured 2026-11-28, seed 0, two cores beside much other work; `topics` is the log of
that law of experiments/made_logs.py at 10k. HR@10 / nDCG@10; in brackets HR@10 less
that of `sampled`, where the 95 % interval paired by user excludes 0:

| | ml-100k | amazon-toys | topics |
|---|---|---|---|
| sampled | .215 / .111 | .0951 / .0559 | .307 / .0814 |
| sampled_alone | .205 / .106 | .0942 / .0551 | .307 / .0814 |
| uncorrected | .136 / .066 (− .080) | .0922 / .0530 (− .003) | .307 / .0814 |
| full | .217 / .115 | .0956 / .0563 | .307 / .0814 |
| gbce | .212 / .109 | .0889 / .0524 (− .006) | .307 / .0814 |
| bpr | .191 / .103 (− .024) | .0819 / .0468 (− .013) | .302 / .0802 |
| warp | .209 / .111 | .0937 / .0541 | .307 / .0814 |
| hierarchical | .121 / .058 (− .094) | .0389 / .0226 (− .056) | .055 / .0111 (− .252) |
| popularity | .086 / .045 | .0090 / .0049 | .051 / .0085 |

The claim holds: full and sampled softmax are level on all three. BPR is below on both
real logs, gBCE on one, the tree everywhere. WARP, which is ahead on the world
(retrieval_losses.py), is level. Without the correction sampled softmax loses four
tenths of nDCG@10 on the dense log, whose network begins at random, and a twentieth on
the sparse one. On `topics` no step of any loss improves on the counted start, so all
keep it but BPR, which is level; the tree cannot begin there.
"""

import pathlib
from typing import Any

from experiments import logs
from ytdnn import configs

_UNCORRECTED = str(pathlib.Path(__file__).parent / "losses" / "uncorrected_softmax.py")
LOSSES: dict[str, Any] = {
    "sampled": configs.SampledSoftmaxConfig(),
    "sampled_alone": configs.SampledSoftmaxConfig(in_batch=False),
    "uncorrected": configs.OwnLossConfig(
        file=_UNCORRECTED, num_negatives=1024, proposal_exponent=0.75
    ),
    "full": configs.FullSoftmaxConfig(label_smoothing=0.1),
    "gbce": configs.GBCEConfig(num_negatives=1024),
    "bpr": configs.BPRConfig(num_negatives=1024),
    "warp": configs.WARPConfig(num_negatives=1024),
    "hierarchical": configs.HierarchicalSoftmaxConfig(),
}


def get_config(log: str = "ml-100k") -> configs.Config:
    """Returns a log by name, with sampled softmax."""
    return get_variants(log)["sampled"]


def get_variants(log: str = "ml-100k") -> dict[str, configs.Config]:
    """Returns each loss on the log, which chooses the other settings."""
    return {
        name: configs.Config(
            data=logs.data(log),
            candidates=configs.sized(configs.CandidatesConfig, loss=loss),
            ranking=configs.RankingConfig(enabled=False),
        )
        for name, loss in LOSSES.items()
    }
