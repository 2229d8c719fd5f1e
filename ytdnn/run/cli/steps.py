"""The commands that run the steps of a run."""

import dataclasses
import importlib.resources
import pathlib

from ytdnn.base import configs, environment
from ytdnn.run import pipeline
from ytdnn.run.cli import (
    arguments,
    engine,
    evaluate,
    output,
    resolved,
    tracker_flag,
)
from ytdnn.run.pipeline import graph, roles, runner, workdir


def _directory(given: arguments.Arguments) -> pathlib.Path:
    return pathlib.Path(given.values["workdir"])


def run(given: arguments.Arguments) -> None:
    """Runs all steps."""
    directory = _directory(given)
    config = resolved.config(given, _made(given) or _first(given))
    machines = engine.chosen(given)
    with tracker_flag.tracked(given, directory, config) as tracker:
        found = pipeline.run(directory, config, machines=machines, verbose=output.say)
        evaluate.track(tracker, found, "test")
    evaluate.show(found)
    for note in graph.notes(config, directory):
        output.say(note)
    output.say(f"bundle: {directory / graph.BUNDLE.name}")
    output.say(f"next: {runner.recommend_command(directory)}")


def _first(given: arguments.Arguments) -> configs.Config:
    """Returns the config that a new run begins with: the quickstart without a log."""
    names_a_log = any(key.startswith("data.") for key in given.overrides)
    return configs.Config() if names_a_log else configs.quickstart()


def _made(given: arguments.Arguments) -> configs.Config | None:
    """Returns the config of the workdir; None if a config file is given."""
    is_given = resolved.CONFIG.name in given.values
    return None if is_given else workdir.read_config(_directory(given))


def prepare(given: arguments.Arguments) -> None:
    """Prepares the event log, or explains its format."""
    if given.values.get("explain") == "True":
        page = importlib.resources.files("ytdnn.log") / "event_log.md"
        output.say(page.read_text(encoding="utf-8"))
        return
    resolved.require_workdir(given, "prepare")
    directory = _directory(given)
    made = _made(given) or configs.Config()
    base = dataclasses.replace(made, data=configs.DataConfig())
    config = resolved.config(given, base)
    data = pipeline.prepare(
        directory,
        config,
        machines=engine.chosen(given),
        again=True,
        verbose=output.say,
    )
    output.result(lambda: {"data": data.directory, "facts": data.manifest.facts})
    output.say(f"next: ytdnn train --workdir={directory}")


def train(given: arguments.Arguments) -> None:
    """Trains, and builds the index."""
    directory = _directory(given)
    stage = given.values.get("stage", "")
    graph.trained(stage)  # a mistake of a flag comes before one of the workdir
    if stage == graph.INDEX.name:
        environment.give_memory_back()
    config = resolved.later_config(given, directory)
    with tracker_flag.tracked(given, directory, config):
        pipeline.train(directory, config, stage=stage, verbose=output.say)
    if roles.from_config(config).leads:
        output.say(f"next: {runner.next_command(config, directory)}")


def export(given: arguments.Arguments) -> None:
    """Exports a bundle."""
    environment.give_memory_back()
    directory = _directory(given)
    config = resolved.later_config(given, directory)
    keep = given.values.get("keep")
    number = None if keep is None else arguments.whole("keep", keep)
    pipeline.export(directory, config, keep=number, verbose=output.say)
    output.say(f"next: {runner.next_command(config, directory)}")
