"""The page of a tuned index: recall against latency, and every setting tried."""

from collections.abc import Sequence

from ytdnn.base import configs, registries
from ytdnn.lab.index_tuning import setting_search
from ytdnn.lab.pages import page, plots


@registries.HOOKS.register("index_tuning")
def draw(tuned: setting_search.TuningResult) -> str:
    """Returns the page as HTML.

    Args:
      tuned: Result of the search for settings.
    """
    summary = (
        f"The cheapest setting of {tuned.kind} that finds {tuned.recall:.0%} of the "
        f"{tuned.k} best of {tuned.num_videos:,} videos, for {tuned.num_queries:,} "
        f"users of the validation window. Exact search takes {tuned.exact_ms:.2f} ms, "
        f"this setting {tuned.chosen.milliseconds:.2f} ms at recall "
        f"{tuned.chosen.recall:.3f}; times are medians of single queries."
    )
    sections = [
        page.Section(
            "Recall and latency",
            "The chosen index searched with less and more effort, and the cheapest "
            "setting of every index tried: lower and further right is better.",
            [_plot(tuned)],
        ),
        page.Section(
            "Settings tried",
            "Of each index and reordering the least effort that reaches the recall. "
            "Each was timed in turns with the best before it, so times of different "
            "builds compare only as far as the machine was the same.",
            [_table(tuned)],
        ),
    ]
    return page.render(f"Tuning of {tuned.kind}", summary, sections)


def _plot(tuned: setting_search.TuningResult) -> page.Block:
    def series(trials: Sequence[setting_search.Trial], style: str) -> plots.Series:
        along = [trial.recall for trial in trials]
        up = [trial.milliseconds for trial in trials]
        return plots.Series(along, up, style=style)  # type: ignore[arg-type]

    lines = {
        "chosen index": series(tuned.curve, "line"),
        "settings tried": series(tuned.trials, "points"),
        "chosen setting": series([tuned.chosen], "points"),
        "without tuning": series([tuned.default], "points"),
    }
    title = f"Recall of {tuned.k} and milliseconds of a query"
    return plots.lines(title, lines, "recall", "milliseconds", log_y=True)


def _table(tuned: setting_search.TuningResult) -> page.Table:
    names = configs.own_settings(type(tuned.chosen.config))
    trials = [tuned.chosen, tuned.default, *tuned.trials]
    words = ["chosen", "without tuning", *[""] * len(tuned.trials)]
    columns = ["recall", "ms", "build, s", "MB"]
    rows = [
        [
            word,
            *(getattr(trial.config, name) for name in names),
            trial.recall,
            trial.milliseconds,
            trial.build_seconds,
            trial.megabytes,
        ]
        for word, trial in zip(words, trials, strict=True)
    ]
    headings = [name.replace("_", " ") for name in names]
    return page.Table(["", *headings, *columns], rows, marked=(0,))
