"""How far is each stage from the best possible, on a world whose truth is known?

Claim: on ten thousand users and a million watches of the synthetic world both stages
close part of the gap between popularity and an oracle that knows every user's true
interests (PAPER §3, §4).

    ytdnn run --config=experiments/world_small.py --workdir=runs/world-small

Protocol: temporal, as of the quickstart. The oracle sees each user's interests at the
moment asked for, drift and short-lived focus included: no model can know as much.
"""

from ytdnn import configs


def get_config() -> configs.Config:
    """Returns the first candidate model and ranker on the small world."""
    return configs.Config(
        data=configs.Data(world=configs.WORLDS["small"]),
        candidates=configs.Candidates(training=configs.Training(epochs=24, patience=5)),
        ranking=configs.Ranking(
            dropout=0.2,
            training=configs.Training(
                epochs=3,
                batch_size=512,
                table_learning_rate=0.05,
                table_accumulator=1e-7,
            ),
        ),
    )
