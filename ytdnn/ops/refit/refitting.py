"""The steps of a refit: a run's models are trained again, to the end of the log.

    refit/earlier/{data,candidates,ranking}   candidates up to the ranker's last window,
                                              and the ranker trained on it
    refit/{data,candidates,index,ranking}     inputs of the bundle

`refit/earlier` exists if the ranker has a window of its own (docs/design.md §7).
Functions of steps take (folder of the refit, config, workdir).
"""

import dataclasses
import functools
import pathlib
from collections.abc import Callable
from typing import Any

from ytdnn.base import artifacts, configs, formats, progress, registries, user_paths
from ytdnn.run.pipeline import graph, runner, steps, steps_after_training
from ytdnn.run.pipeline import workdir as run_workdir

LATER = steps_after_training.REFITTED
EARLIER = f"{LATER}/earlier"
_FACT = "refit"  # of the prepared set, see `ytdnn.log.derived_sets`
_SETS = (f"data/{artifacts.MANIFEST}", f"{LATER}/data/{artifacts.MANIFEST}")


def earlier_left_out(config: configs.Config, workdir: pathlib.Path) -> str:
    """Returns why no earlier candidates are needed; empty if they are."""
    from ytdnn.log import prepared

    why = steps_after_training.ranker_not_served(config, workdir)
    if why or prepared.load(workdir / "data").windows.has_own_window:
        return why
    return "the ranker has no window of its own, and so reads no candidate scores"


def _derive(root: str, config: configs.Config, workdir: pathlib.Path) -> None:
    """Makes `data` of a folder of the refit."""
    from ytdnn.log import derived_sets, prepared

    part = derived_sets.Part.EARLIER if root == EARLIER else derived_sets.Part.WHOLE
    needs_ranker = not steps_after_training.ranker_not_served(config, workdir)
    data = prepared.load(workdir / "data")
    derived_sets.derive(data, part, workdir / root / "data", needs_ranker)


def _train_candidates(root: str, config: configs.Config, workdir: pathlib.Path) -> None:
    """Makes `candidates` of a folder of the refit."""
    from ytdnn.log import prepared
    from ytdnn.training import candidates

    chosen = artifacts.read_manifest(workdir / "candidates", "candidates")
    home = workdir / root
    candidates.train(config, prepared.load(home / "data"), home / "candidates", chosen)


def _train_ranking(root: str, config: configs.Config, workdir: pathlib.Path) -> None:
    """Makes `ranking` of a folder of the refit."""
    from ytdnn.training import adapted_ranking, ranking

    manifest = artifacts.read_manifest(workdir / "ranking", "ranking")
    ranker = adapted_ranking.load(config, workdir / root)
    ranking.train(config, ranker.data, ranker.directory, ranker.first_stage, manifest)


def publish_ranking(root: str, config: configs.Config, workdir: pathlib.Path) -> None:
    """Makes `refit/ranking`: the earlier ranker, adapted to the later candidates."""
    from ytdnn.training import adapted_ranking

    if earlier_left_out(config, workdir):
        _train_ranking(root, config, workdir)
        return
    if not runner.make_role(config).leads:
        return
    inputs = {
        **steps.fingerprints(workdir / root, ["data", "candidates", "earlier/ranking"]),
        **steps.fingerprints(workdir, ["ranking"]),
        **steps.ranker_parts(config),
    }
    homes = workdir / EARLIER, workdir / root
    earlier, later = (adapted_ranking.load(config, home) for home in homes)
    adapted_ranking.publish(config, earlier, later, inputs)


def export(config: configs.Config, workdir: pathlib.Path) -> None:
    """Makes `bundle` from the refitted models."""
    from ytdnn.bundle import export as bundle_export

    stated = _stated(workdir)
    config = steps_after_training.served_config(config, workdir)
    has_ranker = not steps.ranker_left_out(config, workdir)
    epochs = {
        name: artifacts.peek(workdir / LATER / name / artifacts.MANIFEST)["epochs"]
        for name in ("candidates", "ranking")[: 1 + has_ranker]
    }
    measured = steps_after_training.measured(config, workdir, stated["evaluation"])
    refit = bundle_export.Refit(LATER, stated | {"epochs": epochs}, measured)
    bundle_export.export(workdir, config, refit)


def _stated(workdir: pathlib.Path) -> dict[str, Any]:
    """Returns the facts about a refit for the bundle's manifest."""
    evaluated, later = (artifacts.peek(workdir / place) for place in _SETS)
    end = int(later[_FACT]["trained_to"])
    held_out = "that held watches out"
    if (windows := evaluated.get("windows")) is not None:
        held_out = f"whose training ended at {formats.utc(windows['test'])}"
    return {
        "trained_to": {"seconds": end, "utc": formats.utc(end)},
        "evaluation": f"measured on the run {held_out}; the served models are "
        f"trained to {formats.utc(end)}",
    }


def _refit(
    root: str,
    like: graph.Step,
    run: Callable[[str, configs.Config, pathlib.Path], None],
    more: tuple[str, ...] = (),
) -> graph.Step:
    """Returns a step of the refit, with the settings of the step it repeats.

    Args:
      root: Folder of the refit.
      like: Step that it repeats.
      run: Function of (root, config, workdir) that makes the output.
      more: Further inputs.
    """
    left_out = like.left_out
    if root == EARLIER:
        left_out = earlier_left_out
    elif like is graph.RANKING:
        left_out = steps_after_training.ranker_not_served
    repeated = () if like is graph.INDEX else (like.name,)
    return graph.Step(
        f"{root}/{like.name}",
        "refit",
        (*(f"{root}/{name}" for name in like.inputs), *more, *repeated),
        functools.partial(run, root),
        like.config,
        like.prefix,
        left_out,
        is_shared=like.is_shared,
        is_served=True,
    )


STEPS = (
    _refit(EARLIER, graph.DATA, _derive),
    _refit(EARLIER, graph.CANDIDATES, _train_candidates),
    _refit(EARLIER, graph.RANKING, _train_ranking),
    _refit(LATER, graph.DATA, _derive),
    _refit(LATER, graph.CANDIDATES, _train_candidates),
    _refit(LATER, graph.INDEX, lambda at, c, home: steps.build_index(c, home / at)),
    _refit(LATER, graph.RANKING, publish_ranking, (f"{EARLIER}/ranking",)),
)
BUNDLE = dataclasses.replace(
    graph.BUNDLE,
    inputs=("data", "refit/candidates", "refit/index", "refit/ranking"),
    run=export,
)


def note(config: configs.Config, workdir: pathlib.Path) -> str:
    """Returns the note on a run's evaluation; empty if it serves no refit."""
    is_made = all((workdir / place).exists() for place in _SETS)
    return str(_stated(workdir)["evaluation"]) if config.refit and is_made else ""


@registries.STEPS.register("refit", note=note)
def added(config: configs.Config) -> tuple[graph.Step, ...]:
    """Returns the steps of the refit and of its bundle, if the run has one."""
    return (*STEPS, BUNDLE) if config.refit else ()


@registries.HOOKS.register("refit")
def refit(
    workdir: runner.Path,
    config: configs.Config | None = None,
    *,
    verbose: runner.Verbose = False,
) -> pathlib.Path:
    """Trains both stages again, to the end of the log, and exports the models.

    Settings and epochs are those of the trained run, and the bundle includes the run's
    evaluation. From then on the run exports its refit, until `config.refit` is false.

    Args:
      workdir: Directory of the run, trained.
      config: Config of the run; None: that of the workdir.
      verbose: See `ytdnn.run.pipeline.api`.

    Returns:
      The bundle's directory.

    Raises:
      errors.UserError: An artefact is missing or stale, or the ranker has nothing to
        learn from before the end of the log.
    """
    directory, say = user_paths.expanded(workdir), runner.speaker(verbose)
    config = run_workdir.later_config(directory, config)
    config = dataclasses.replace(config, refit=True)
    graph_steps, role = added(config), runner.make_role(config)
    if role.follows():
        role.follow(graph_steps, directory)
        return directory / BUNDLE.name
    with run_workdir.lock(directory), role.watched():
        runner.require(graph_steps, config, directory)
        with run_workdir.keep_config(directory, config), progress.shown(bool(verbose)):
            runner.run(graph_steps, config, directory, say)
    return directory / BUNDLE.name
