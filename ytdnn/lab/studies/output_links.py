"""Links an output of one run into another run with the same step."""

import pathlib
from collections.abc import Callable, Iterable

from ytdnn.base import artifacts, configs
from ytdnn.run.pipeline import graph, runner


def share(
    step: graph.Step,
    config: configs.Config,
    directory: pathlib.Path,
    others: Iterable[pathlib.Path],
    say: Callable[[str], None],
) -> None:
    """Links the output of another run, if it equals the one that this run needs.

    It is equal if it was made with the same settings, including the seed, from the same
    inputs.

    Args:
      step: The step to make.
      config: Config of the run.
      directory: Directory of the run.
      others: Directories of other runs.
      say: Function that is called with a line if an output is linked.
    """
    inputs = [each for each in graph.STEPS if each.name in step.inputs]
    if any(runner.staleness(each, config, directory) for each in inputs):
        return
    if step.left_out(config, directory) or "/" in step.name:
        return  # it is none, or more than one artefact
    if not runner.staleness(step, config, directory):
        return
    read = runner.input_fingerprints(step, config, directory)
    for other in others:
        is_current = other != directory and not runner.staleness(step, config, other)
        if is_current and runner.input_fingerprints(step, config, other) == read:
            source = other / step.name
            artifacts.share(source, directory / step.name)
            say(f"{step.name}: linked, the same as {source}")
            return
