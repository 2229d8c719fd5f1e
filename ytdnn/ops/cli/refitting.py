"""`ytdnn refit`: trains the models of a run again, to the end of the log."""

import dataclasses
import pathlib

from ytdnn.ops.refit import refitting
from ytdnn.run import pipeline
from ytdnn.run.cli import arguments, output, resolved
from ytdnn.run.pipeline import runner


def run(given: arguments.Arguments) -> None:
    """Trains to the end of the log, and exports the models."""
    directory = pathlib.Path(given.values["workdir"])
    config = resolved.later_config(given, directory)
    bundle = pipeline.refit(directory, config, verbose=output.say)
    output.say(f"the evaluation in {bundle} was {refitting.statement(directory)}")
    config = dataclasses.replace(config, refit=True)
    output.say(f"next: {runner.next_command(config, directory)}")
