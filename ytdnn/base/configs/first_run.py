"""The config of `ytdnn run` without a config: the embedded world, no setting given."""

from ytdnn.base.configs import data, run, world


def quickstart() -> run.Config:
    """Returns the config of `ytdnn run` without a config, and of `make run`."""
    return run.Config(data=data.DataConfig(world=world.WORLDS["quickstart"]))
