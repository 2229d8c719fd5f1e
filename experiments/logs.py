"""Settings of the logs that several experiments read, by name.

MovieLens by edition and `amazon-toys` (the Parquet file `interactions` with `user_id`,
`item_id` and `seq`) are leave-one-out; `slice` (of KuaiRand-Pure), `log` (any event log
of one's own, as experiments/made_logs.py writes them) and the world are temporal.
"""

from ytdnn import configs


def data(name: str) -> configs.DataConfig:
    """Returns the settings of a log; where it lies, `data.dir` says.

    Args:
      name: `log`, `amazon-toys`, `slice`, a world, or an edition of MovieLens.
    """
    if name in configs.WORLDS:
        return configs.DataConfig(world=configs.WORLDS[name])
    if name == "log":
        return configs.DataConfig(source="log")
    if name == "slice":
        return configs.DataConfig(
            source="kuairand", name="pure", page_gap_seconds=600.0
        )
    if name == "amazon-toys":
        return configs.DataConfig(
            source="log",
            files=("watches=interactions",),
            columns=("watches.video_id=item_id", "watches.time=seq"),
            protocol="leave_one_out",
        )
    return configs.DataConfig(source="movielens", name=name, protocol="leave_one_out")


def quickstart() -> configs.Config:
    """Returns the quickstart world with settings of both stages, none left to the log.

    Those that the first run had until 2026-11-27; several experiments were measured
    with them.
    """
    return configs.Config(
        data=data("quickstart"),
        candidates=configs.CandidatesConfig(
            training=configs.TrainingConfig(epochs=14, patience=5)
        ),
        ranking=configs.RankingConfig(
            tower=(256, 128),
            training=configs.TrainingConfig(
                epochs=8,
                patience=4,
                batch_size=512,
                table_learning_rate=0.0003,
                table_accumulator=1e-7,
            ),
        ),
    )
