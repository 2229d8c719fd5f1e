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
the logQ correction (experiments/uncorrected_softmax.py).
"""

import pathlib

from ytdnn import configs

Loss = (
    configs.SampledSoftmaxConfig
    | configs.FullSoftmaxConfig
    | configs.HierarchicalSoftmaxConfig
    | configs.BPRConfig
    | configs.WARPConfig
    | configs.GBCEConfig
    | configs.OwnLossConfig
)
_UNCORRECTED = str(pathlib.Path(__file__).with_name("uncorrected_softmax.py"))
LOSSES: dict[str, Loss] = {
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
            data=_data(log),
            candidates=configs.sized(configs.CandidatesConfig, loss=loss),
            ranking=configs.RankingConfig(enabled=False),
        )
        for name, loss in LOSSES.items()
    }


def _data(log: str) -> configs.DataConfig:
    if log == "log":
        return configs.DataConfig(source="log")
    if log == "amazon-toys":
        return configs.DataConfig(
            source="log",
            files=("watches=interactions",),
            columns=("watches.video_id=item_id", "watches.time=seq"),
            protocol="leave_one_out",
        )
    return configs.DataConfig(source="movielens", name=log, protocol="leave_one_out")
