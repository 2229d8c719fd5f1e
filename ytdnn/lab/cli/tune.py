"""`ytdnn index tune`: the cheapest setting of an index that reaches a recall."""

import contextlib
import pathlib
from typing import TYPE_CHECKING

from ytdnn.base import errors, registries
from ytdnn.lab.index_tuning import tuning
from ytdnn.run.cli import command, flags, output, resolved_config
from ytdnn.run.pipeline import runner, workdir

if TYPE_CHECKING:
    from ytdnn.lab.index_tuning import setting_search

_KINDS = ("scann", "ivf")
_FLAGS = (
    flags.WORKDIR,
    flags.CONFIG,
    command.Flag("kind", "Kind of index; default: scann.", example="|".join(_KINDS)),
    command.Flag(
        "recall", "Share of the exact results to find; default: 0.95.", example="R"
    ),
    command.Flag(
        "k",
        "Number of results per query; default: the run's num_candidates.",
        example="N",
    ),
)
_AS_GOOD = 1.1  # times the chosen setting's time that exact search may take


@command.register("index tune", _FLAGS)
def _run(given: command.Arguments) -> None:
    """Find the cheapest settings of the index that reach a recall.

    Tries leaves, leaves searched and reordering of ScaNN, or the lists of ivf, on the
    vectors of the run's candidates and of the users of the validation window. Writes
    WORKDIR/index_tuning, the curve of recall and latency as JSON and HTML, and stores
    the best settings in the run's config as index.search, which `ytdnn train` builds
    the index with.

    Examples:
      ytdnn index tune --workdir=runs/mine
      ytdnn index tune --workdir=runs/mine --kind=ivf --recall=0.9
    """
    directory = pathlib.Path(given.values["workdir"])
    kind = command.choice(given, "kind", _KINDS, _KINDS[0])
    k = given.values.get("k")
    config = resolved_config.later_config(given, directory)
    tuned = tuning.tune_index(
        directory,
        config,
        kind=kind,
        recall=_recall(given.values.get("recall", "0.95")),
        k=None if k is None else command.whole("k", k),
        verbose=output.say,
    )
    output.result(lambda: tuned)
    _show(tuned)
    if tuned.exact_ms <= _AS_GOOD * tuned.chosen.milliseconds:
        output.say(
            f"note: exact search is as good with so few videos: it takes "
            f"{tuned.exact_ms:.2f} ms, the chosen setting "
            f"{tuned.chosen.milliseconds:.2f} ms: --config.index.search=exact"
        )
    page = directory / tuning.KIND / tuning.PAGE
    if tuning.KIND in registries.HOOKS:
        output.say(f"curve and plot: {page} (open it in a browser)")
    output.say(
        f"chosen, and written to {directory / workdir.CONFIG_FILE}: "
        f"{tuning.flags(tuned)}"
    )
    config = workdir.require_config(directory)
    output.say(f"next: {runner.next_command(config, directory)}")


def _recall(text: str) -> float:
    """Returns the recall to reach.

    Raises:
      errors.UserError: It is no positive number.
    """
    with contextlib.suppress(ValueError):
        if float(text) > 0:
            return float(text)
    raise errors.UserError(
        f"expected a positive number for --recall, received {text!r}"
    )


def _show(tuned: "setting_search.TuningResult") -> None:
    """Prints the chosen setting next to exact search and to no tuning."""
    columns = ("setting", "recall", "ms a query", "build, s", "MB")
    rows: list[tuple[object, ...]] = [("exact", 1.0, tuned.exact_ms, "", "")]
    for word, trial in (("without tuning", tuned.default), ("chosen", tuned.chosen)):
        numbers = (trial.recall, trial.milliseconds, trial.build_seconds)
        rows.append((word, *numbers, f"{trial.megabytes:,.0f}"))
    title = f"{tuned.kind}, the {tuned.k} best of {tuned.num_videos:,} videos"
    output.table(title, columns, rows)
