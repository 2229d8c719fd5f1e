"""The evaluation as a Python function: of a run, or of lists in memory."""

import contextlib
import typing
from typing import TYPE_CHECKING, Any

from ytdnn.base import configs, progress, user_paths
from ytdnn.evaluation import report_files
from ytdnn.run.pipeline import api, graph, runner
from ytdnn.run.pipeline import workdir as workdir_room

if TYPE_CHECKING:
    from ytdnn.evaluation import in_memory


@typing.overload
def evaluate(
    workdir: api.Path,
    config: configs.Config | None = None,
    *,
    split: str = "test",
    again: bool = False,
    verbose: api.Verbose = False,
) -> report_files.Evaluation: ...
@typing.overload
def evaluate(
    workdir: Any, config: Any, *, settings: configs.EvaluationConfig | None = None
) -> "in_memory.ListMetrics": ...
def evaluate(workdir: Any, config: Any = None, **options: Any) -> Any:
    """Measures a run, or lists in memory.

    `evaluate(workdir, config)` writes the report and page of a run into its workdir
    (`evaluate_run`); `evaluate(lists, truth)` takes two frames and returns metrics
    (`ytdnn.evaluation.in_memory.evaluate`).

    Raises:
      errors.UserError: See these two.
    """
    from ytdnn.log.sources import frames

    if not frames.is_frame(workdir):
        return evaluate_run(workdir, config, **options)
    from ytdnn.evaluation import in_memory

    return in_memory.evaluate(workdir, config, options.pop("settings", None), **options)


def evaluate_run(
    workdir: api.Path,
    config: configs.Config | None = None,
    *,
    split: str = "test",
    again: bool = False,
    verbose: api.Verbose = False,
) -> report_files.Evaluation:
    """Measures a run, and writes its report and page into the workdir.

    Args:
      workdir: Directory of the run, trained.
      config: Config of the run; None: that of the workdir.
      split: `test`, or `validation`, to choose settings by.
      again: Whether to measure again even if the output is complete and current.
      verbose: See the module's docstring.

    Returns:
      The report, with the metrics of each user.

    Raises:
      errors.UserError: An artefact is missing or stale, an input leaks, or there are no
        users to test.
    """
    directory, say = user_paths.expanded(workdir), api.speaker(verbose)
    config = api.later_config(directory, config)
    step = graph.evaluation(split)
    with workdir_room.lock(directory):
        runner.require([step], config, directory)
        kept = workdir_room.keep_config(directory, config)
        with (
            kept if split == "test" else contextlib.nullcontext(),
            progress.shown(bool(verbose)),
        ):
            runner.run([step], config, directory, say, [step.name] if again else [])
    return report_files.read(directory / step.name)
