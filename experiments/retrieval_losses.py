r"""Which loss retrieves best in the same time?

Claim: sampled softmax with thousands of negatives, corrected by their expected counts,
retrieves better than hierarchical softmax, and as full softmax does (PAPER §3.1).

    ytdnn study --config=experiments/retrieval_losses.py --workdir=runs/losses \
        --stage=candidates --seeds=0,1,2

Protocol: temporal, a world of another seed than that of the quickstart; its network, 12
epochs with patience 4, the best by validation. `sampled_N` has N sampled negatives and
the batch's labels, `in_batch` only these; `corrected_positive` corrects the label's
score too. BPR, WARP and gBCE have 1,024 negatives.
"""

import dataclasses

from ytdnn import configs

Loss = (
    configs.SampledSoftmax
    | configs.FullSoftmax
    | configs.HierarchicalSoftmax
    | configs.BPR
    | configs.WARP
    | configs.GBCE
)
# No number reported elsewhere is of this seed.
WORLD = dataclasses.replace(configs.WORLDS["quickstart"], seed=13)
LOSSES: dict[str, Loss] = {
    "sampled_1024": configs.SampledSoftmax(),
    "sampled_128": configs.SampledSoftmax(num_negatives=128),
    "sampled_4096": configs.SampledSoftmax(num_negatives=4096),
    "in_batch": configs.SampledSoftmax(num_negatives=0),
    "corrected_positive": configs.SampledSoftmax(correct_positive=True),
    "full": configs.FullSoftmax(),
    "hierarchical": configs.HierarchicalSoftmax(),
    "bpr": configs.BPR(num_negatives=1024),
    "warp": configs.WARP(num_negatives=1024),
    "gbce": configs.GBCE(num_negatives=1024),
}


def get_config() -> configs.Config:
    """Returns the default loss."""
    return configs.Config(
        data=configs.Data(world=WORLD),
        candidates=configs.Candidates(
            content=configs.Content(enabled=False),
            training=configs.Training(epochs=12, patience=4),
        ),
        ranking=configs.Ranking(),
        evaluation=configs.Evaluation(num_resamples=300),
    )


def get_variants() -> dict[str, configs.Config]:
    """Returns each loss, the default the first."""
    config = get_config()
    return {
        name: dataclasses.replace(
            config, candidates=dataclasses.replace(config.candidates, loss=loss)
        )
        for name, loss in LOSSES.items()
    }
