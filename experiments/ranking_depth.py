r"""Does a wider and deeper tower of the ranker order pages better?

Claim: the weighted per-user loss falls with the width of one hidden layer, and with
each layer more: none, 256, 512, 1024, 512-256, 1024-512, 1024-512-256 (PAPER §4.3,
table 1: 41.6 % without a hidden layer to 34.6 % with three).

    ytdnn study --config=experiments/ranking_depth.py --workdir=runs/table-1 \
        --stage=ranking --seeds=0,1,2 \
        --metrics=ranker/weighted_per_user_loss,ranker/auc,ranker/log_loss

Protocol: temporal, on the test impressions of a world of its own seed, every variant
with the paper's head, the same features, dropout and epochs; the best epoch by the loss
of the head on the validation window. Seeds are of the training; the candidates, which
the ranker's features ask, are one for each seed.

Measured 2026-11-25 and 26 beside other work, seeds 0, 1 and 2:

| tower | per-user loss | mean | AUC | weighted log loss |
|---|---|---|---|---|
| none | .1981 .2002 .1996 | .1993 | .7214 .7227 .7201 | .0994 .0994 .0995 |
| 256 | .1857 .1855 .1851 | .1854 | .7326 .7350 .7340 | .0974 .0974 .0974 |
| 512 | .1849 .1846 .1853 | .1849 | .7358 .7357 .7351 | .0973 .0973 .0974 |
| 1024 | .1844 .1840 .1849 | **.1844** | .7358 .7361 .7355 | .0973 .0973 .0973 |
| 512-256 | .1858 .1853 .1843 | .1851 | .7352 .7357 .7369 | .0973 .0972 .0973 |
| 1024-512 | .1845 .1855 .1839 | .1846 | .7357 .7360 .7356 | .0972 .0973 .0972 |
| 1024-512-256 | .1852 .1843 .1854 | .1850 | .7351 .7357 .7346 | .0974 .0972 .0972 |

Any hidden layers against none, paired by user (seed 2): − .0142 to − .0157, all the
intervals within − .0193 to − .0111.

The claim holds in part: a hidden layer is worth 7 % of the loss, and it falls with the
layer's width; a second and a third layer change nothing that these seeds can tell
apart. The features are counts and rates of a user's past with channel and topic, in
which the interactions are made already, and the world has a hundred thousandth of the
paper's examples.
"""

from ytdnn import configs

# As in table 1 of the paper, the first the baseline.
TOWERS: dict[str, tuple[int, ...]] = {
    "none": (),
    "256": (256,),
    "512": (512,),
    "1024": (1024,),
    "512-256": (512, 256),
    "1024-512": (1024, 512),
    "1024-512-256": (1024, 512, 256),
}
# No number reported elsewhere is of this seed.
WORLD = configs.changed(configs.WORLDS["quickstart"], {"seed": 11})


def get_config() -> configs.Config:
    """Returns the paper's largest tower."""
    return get_variants()["1024-512-256"]


def get_variants() -> dict[str, configs.Config]:
    """Returns each tower of the table."""
    return {name: _config(tower) for name, tower in TOWERS.items()}


def _config(tower: tuple[int, ...]) -> configs.Config:
    return configs.Config(
        data=configs.DataConfig(world=WORLD),
        candidates=configs.CandidatesConfig(
            content=configs.ContentConfig(enabled=False),
            training=configs.TrainingConfig(epochs=6, patience=6),
        ),
        ranking=configs.RankingConfig(
            tower=tower,
            dropout=0.2,
            normalization=configs.QuantilesConfig(num_pieces=0),
            head=configs.WeightedLogisticConfig(),
            training=configs.TrainingConfig(
                epochs=6,
                batch_size=512,
                table_learning_rate=0.0003,
                table_accumulator=1e-7,
                patience=6,
            ),
        ),
        evaluation=configs.EvaluationConfig(num_resamples=300),
    )
