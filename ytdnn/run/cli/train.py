"""`ytdnn train`: trains the models of a run."""

import dataclasses
import pathlib

from ytdnn.base import configs, machine_facts
from ytdnn.run import pipeline
from ytdnn.run.cli import command, flags, output, resolved_config
from ytdnn.run.pipeline import graph, runner


def _run(given: command.Arguments) -> None:
    """Train candidates, build the index, train the ranker.

    Trains on WORKDIR/data. Stages that are complete and up to date are skipped; a
    training that was killed resumes from its last checkpoint.

    Examples:
      ytdnn train --workdir=runs/mine
      ytdnn train --workdir=runs/mine --stage=ranking --config.ranking.tower=256,128
    """
    directory = pathlib.Path(given.values["workdir"])
    stage = given.values.get("stage", "")
    graph.trained(stage)  # a mistake of a flag comes before one of the workdir
    if stage == graph.INDEX.name:
        machine_facts.give_memory_back()
    config = resolved_config.later_config(given, directory)
    with resolved_config.tracked(given, directory, config):
        pipeline.train(directory, config, stage=stage, verbose=output.say)
    if runner.make_role(config).leads:
        output.say(f"next: {runner.next_command(config, directory)}")


_FLAGS = (
    flags.WORKDIR,
    flags.CONFIG,
    command.Flag(
        "stage", "The only stage to train.", example="candidates|index|ranking"
    ),
    *flags.TRAINING_FLAGS,
)
_ALL = (field.name for field in dataclasses.fields(configs.Config))
_GROUPS = tuple(name for name in _ALL if name not in ("data", "evaluation", "refresh"))
COMMAND = command.from_function("train", _run, _FLAGS, _GROUPS)
