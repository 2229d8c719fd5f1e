"""Links an output of one run into another that needs the same."""

import pathlib
from collections.abc import Callable, Iterable

from ytdnn.run import artifacts, configs
from ytdnn.run.pipeline import graph, runner


def share(
    step: graph.Step,
    config: configs.Config,
    directory: pathlib.Path,
    others: Iterable[pathlib.Path],
    say: Callable[[str], None],
) -> None:
    """Links the output of another run where it equals the one that this run needs.

    It does if it was made with the same settings, including the seed, from inputs that
    this run has too.

    Args:
      step: The step whose output is wanted.
      config: Config of the run.
      directory: Directory of the run.
      others: Directories of other runs.
      say: Function that takes a line for people where an output is linked.
    """
    inputs = [one for one in graph.STEPS if one.name in step.inputs]
    if any(runner.staleness(one, config, directory) for one in inputs):
        return
    if step.left_out(config, directory):
        return
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
