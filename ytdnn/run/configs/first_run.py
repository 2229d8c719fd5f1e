"""The quickstart: a world large enough that both stages have something to learn."""

from ytdnn.run.configs import candidates, data, ranking, run, training, world


def quickstart() -> run.Config:
    """Returns the config of `ytdnn run` without a config, and of `make run`."""
    return run.Config(
        data=data.DataConfig(world=world.WORLDS["quickstart"]),
        candidates=candidates.CandidatesConfig(
            training=training.TrainingConfig(epochs=14, patience=5)
        ),
        ranking=ranking.RankingConfig(
            tower=(256, 128),
            training=training.TrainingConfig(
                epochs=8,
                patience=4,
                batch_size=512,
                table_learning_rate=0.0003,
                table_accumulator=1e-7,
            ),
        ),
    )
