"""The commands that a message names as the next one."""

import pathlib

from ytdnn.base import configs, errors, schema
from ytdnn.run.pipeline import graph, runner


def next_command(config: configs.Config, workdir: pathlib.Path) -> str:
    """Returns the command of the first step to run; `recommend` if all are current."""
    for step in graph.every(config):
        is_left_out = step.left_out(config, workdir)
        if not is_left_out and runner.staleness(step, config, workdir):
            return f"ytdnn {step.command} --workdir={workdir}"
    return recommend_command(workdir)


def recommend_command(workdir: pathlib.Path) -> str:
    """Returns the command of recommendations for the first user of the prepared set."""
    from ytdnn.log import prepared

    user = prepared.load(workdir / "data").users[schema.USER_ID][0]
    words = [f"--workdir={workdir}", f"--user={user}"]
    return " ".join(["ytdnn recommend", *map(errors.shell, words)])
