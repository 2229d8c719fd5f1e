"""`tune_index`: finds settings of a run's index, and writes them into its config."""

import dataclasses
import os
import pathlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ytdnn.base import artifacts, configs, errors, registries, user_paths
from ytdnn.run.pipeline import graph, native_messages, runner, steps
from ytdnn.run.pipeline import workdir as run_workdir

if TYPE_CHECKING:
    from ytdnn.lab.index_tuning import setting_search

KIND = "index_tuning"  # of the artefact, and its directory
RESULT, PAGE = "tuned.json", "tuned.html"
_MOST_QUERIES = 1_000


@registries.HOOKS.register("tune_index")
def tune_index(
    workdir: str | os.PathLike[str],
    config: configs.Config | None = None,
    *,
    kind: str = "scann",
    recall: float = 0.95,
    k: int | None = None,
    verbose: runner.Verbose = False,
) -> "setting_search.TuningResult":
    """Finds the cheapest setting of a kind of index that reaches a recall.

    The queries are the user vectors of the validation window. The setting becomes the
    run's `index.search`; the measurements are in `workdir/index_tuning`.

    Args:
      workdir: Directory of the run, with `data` and `candidates`.
      config: Config of the run; None: that of the workdir.
      kind: `scann` or `ivf`.
      recall: Target, the share of the exact lists that the index finds.
      k: Length of the lists; None: the run's number of candidates.
      verbose: As for all functions of `api`.

    Raises:
      errors.UserError: An artefact is missing or stale, the kind is unknown, or no
        setting reaches the recall.
    """
    if not 0.0 < recall <= 1.0:
        raise errors.UserError(f"expected --recall in (0, 1], received {recall}")
    directory, say = user_paths.expanded(workdir), runner.speaker(verbose)
    config = run_workdir.later_config(directory, config)
    steps.require_vectors(config)
    with run_workdir.lock(directory):
        runner.require([_STEP], config, directory)
        length = config.composition.num_candidates if k is None else k
        tuned = _tuned(directory, config, kind, recall, length, say)
        _publish(directory, tuned)
        search = dataclasses.replace(config.index, search=tuned.chosen.config)
        run_workdir.write_config(directory, dataclasses.replace(config, index=search))
    return tuned


def _tuned(
    directory: pathlib.Path,
    config: configs.Config,
    kind: str,
    recall: float,
    k: int,
    say: Callable[[str], None],
) -> "setting_search.TuningResult":
    """Loads the candidate model and its queries, and tunes."""
    import numpy as np

    from ytdnn.candidates import model
    from ytdnn.evaluation import user_cases, users_in_parts
    from ytdnn.lab.index_tuning import setting_search
    from ytdnn.log import events, prepared

    data = prepared.load(directory / graph.DATA.name)
    candidates = model.load(directory / graph.CANDIDATES.name, data)
    cases = user_cases.cases(data, events.Split.VALIDATION, config.evaluation)
    if len(cases) > _MOST_QUERIES:
        rng = np.random.default_rng(config.seed)
        rows = rng.choice(len(cases), _MOST_QUERIES, replace=False)
        cases = user_cases.take(cases, np.sort(rows))
    windows = users_in_parts.WindowOpener(config.evaluation.window_events)
    models = users_in_parts.by_window(candidates, windows)
    queries = models.user_vectors(data, cases.users, cases.ends, cases.times)
    vectors = candidates.video_vectors()
    say(
        f"tuning {kind} to recall {recall} of the {min(k, len(vectors))} best of "
        f"{len(vectors):,} videos, on {len(queries):,} users of the validation window"
    )
    with native_messages.kept_back():
        return setting_search.tune(vectors, queries, kind, recall, k, say)


def _publish(directory: pathlib.Path, tuned: "setting_search.TuningResult") -> None:
    inputs = steps.fingerprints(directory, _STEP.inputs)
    search = {"kind": tuned.kind, "recall": tuned.recall, "k": tuned.k}
    with artifacts.publish(directory / KIND, KIND, search, inputs) as partial:
        artifacts.write_json(partial / RESULT, dataclasses.asdict(tuned))
        drawn = registries.HOOKS.get(KIND)
        if drawn is not None:
            artifacts.write_text(partial / PAGE, drawn.make(tuned))


def flags(tuned: "setting_search.TuningResult") -> str:
    """Returns the command-line flags of the chosen setting."""
    config: Any = tuned.chosen.config
    own = dataclasses.asdict(config)
    words = [f"--config.index.search={own.pop(configs.KIND)}"]
    defaults = dataclasses.asdict(type(config)())
    words += [
        f"--config.index.search.{name}={value}"
        for name, value in own.items()
        if value != defaults[name]
    ]
    return " ".join(words)


def _tune(config: configs.Config, workdir: pathlib.Path) -> None:
    tune_index(workdir, config)


_STEP = graph.Step(
    KIND,
    "index tune",
    ("data", "candidates"),
    _tune,
    graph.INDEX.config,
    "index.",
)
