"""`ytdnn index tune`: the cheapest setting of an index that reaches a recall."""

import pathlib
from typing import TYPE_CHECKING

import rich.box
import rich.table

from ytdnn.base import errors, registries
from ytdnn.run.cli import arguments, output, resolved
from ytdnn.run.pipeline import runner, tuning
from ytdnn.run.pipeline import workdir as workdir_room

if TYPE_CHECKING:
    from ytdnn.retrieval.index import tune

_KINDS = ("scann", "ivf")
FLAGS = (
    resolved.WORKDIR,
    resolved.CONFIG,
    arguments.Flag("kind", "Kind of index; default: scann.", example="|".join(_KINDS)),
    arguments.Flag(
        "recall", "Share of the exact results to find; default: 0.95.", example="R"
    ),
    arguments.Flag(
        "k",
        "Number of results per query; default: the run's num_candidates.",
        example="N",
    ),
    resolved.JSON,
)
_AS_GOOD = 1.1  # times the chosen setting's time that exact search may take


def run(given: arguments.Arguments) -> None:
    """Runs the command.

    Raises:
      errors.UserError: A flag has a wrong value, an artefact is missing or stale, or no
        setting reaches the recall.
    """
    directory = pathlib.Path(given.values["workdir"])
    kind = arguments.choice(given, "kind", _KINDS, _KINDS[0])
    recall = _number(given, "recall", float)
    k = _number(given, "k", int)
    config = resolved.later_config(given, directory)
    tuned = tuning.tune_index(
        directory,
        config,
        kind=kind,
        recall=0.95 if recall is None else recall,
        k=None if k is None else int(k),
        verbose=output.say,
    )
    output.result(lambda: tuned)
    output.screen().print(_table(tuned))
    if tuned.exact_ms <= _AS_GOOD * tuned.chosen.milliseconds:
        output.say(
            f"note: exact search is as good with so few videos: it takes "
            f"{tuned.exact_ms:.2f} ms, the chosen setting "
            f"{tuned.chosen.milliseconds:.2f} ms: --config.index.search=exact"
        )
    page = directory / tuning.KIND / tuning.PAGE
    if tuning.KIND in registries.PAGES:
        output.say(f"curve and plot: {page} (open it in a browser)")
    output.say(
        f"chosen, and written to {directory / workdir_room.CONFIG_FILE}: "
        f"{tuning.flags(tuned)}"
    )
    config = workdir_room.require_config(directory)
    output.say(f"next: {runner.next_command(config, directory)}")


def _number(
    given: arguments.Arguments, name: str, of: type[float] | type[int]
) -> float | None:
    text = given.values.get(name)
    if text is None:
        return None
    try:
        value = of(text)
    except ValueError:
        value = of(0)
    if value <= 0:
        raise errors.UserError(
            f"expected a positive number for --{name}, received {text!r}"
        )
    return value


def _table(tuned: "tune.Tuned") -> rich.table.Table:
    table = rich.table.Table(
        title=f"{tuned.kind}, the {tuned.k} best of {tuned.num_videos:,} videos",
        title_justify="left",
        box=rich.box.SIMPLE,
    )
    table.add_column("setting")
    for name in ("recall", "ms a query", "build, s", "MB"):
        table.add_column(name, justify="right")
    table.add_row("exact", "1.000", f"{tuned.exact_ms:.2f}", "", "")
    for word, trial in (("without tuning", tuned.default), ("chosen", tuned.chosen)):
        table.add_row(
            word,
            f"{trial.recall:.3f}",
            f"{trial.milliseconds:.2f}",
            f"{trial.build_seconds:.1f}",
            f"{trial.megabytes:,.0f}",
        )
    return table
