"""The steps after training: the order that is served, the report and the bundle.

Every function takes (config, workdir); see `steps`.
"""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

from ytdnn.base import configs, formats
from ytdnn.evaluation import chosen_order, report_files
from ytdnn.run.pipeline import steps

_ENABLED = "config.ranking.enabled is true"


def served_config(config: configs.Config, workdir: pathlib.Path) -> configs.Config:
    """Returns a run's config with the order that the artefact `choice` has chosen.

    Args:
      config: Config of the run.
      workdir: Directory of the run.
    """
    choice = chosen_order.read(workdir) or chosen_order.Choice(True, "")
    composition = config.composition
    weights = chosen_order.live_weights(config, workdir)
    composition = dataclasses.replace(composition, live_weights=weights)
    if config.ranking.enabled != "auto":
        return dataclasses.replace(config, composition=composition)
    ranking = dataclasses.replace(config.ranking, enabled=choice.serves_ranker)
    if composition.ordered_by == "ranker":
        composition = dataclasses.replace(composition, ordered_by=choice.ordered_by)  # type: ignore[arg-type]
    return dataclasses.replace(config, ranking=ranking, composition=composition)


def ranker_not_served(config: configs.Config, workdir: pathlib.Path) -> str:
    """Returns why the run serves no ranker; empty if it serves one."""
    why = steps.ranker_left_out(config, workdir)
    if why or steps.ranker_left_out(served_config(config, workdir), workdir) == "":
        return why
    return "the candidates' order is served (ranking.enabled=auto)"


def choice_left_out(config: configs.Config, workdir: pathlib.Path) -> str:
    """Returns why there is no order to choose; empty if there is."""
    why = steps.ranker_left_out(config, workdir)
    if not why:
        return "" if config.ranking.enabled == "auto" else _ENABLED
    is_live = config.composition.live and config.data.protocol == "temporal"
    is_live = is_live and config.ranking.enabled and config.candidates.is_network
    return "" if is_live else why


def choose_order(config: configs.Config, workdir: pathlib.Path) -> None:
    """Makes `workdir/choice`."""
    from ytdnn.evaluation import live_choice, order_choice

    has_ranker = not steps.ranker_left_out(config, workdir)
    choice = chosen_order.Choice(True, "")
    if has_ranker:
        choice = order_choice.from_run(config, workdir)
    if config.composition.live and config.data.protocol == "temporal":
        live = live_choice.from_run(config, workdir, has_ranker)
        if live.live_weights or not has_ranker:
            words = ". ".join(filter(None, [choice.words, live.words]))
            weights = live.live_weights
            choice = dataclasses.replace(choice, words=words, live_weights=weights)
    inputs = steps.fingerprints(
        workdir, ["data", "candidates", *["ranking"] * has_ranker]
    )
    directory = workdir / chosen_order.KIND
    chosen_order.publish(directory, choice, choice_config(config), inputs)


def choice_config(config: configs.Config) -> Mapping[str, Any]:
    """Returns the settings that `workdir/choice` depends on."""
    return {
        "ranking": {"enabled": config.ranking.enabled},
        "composition": {"live": config.composition.live},
    }


def describe_choice(config: configs.Config, workdir: pathlib.Path) -> list[str]:
    """Returns the lines to print after `workdir/choice` is made."""
    choice = chosen_order.read(workdir)
    return [choice.words] if choice is not None and choice.words else []


def evaluate(
    config: configs.Config,
    workdir: pathlib.Path,
    split: str = "test",
    stage: str = "",
) -> None:
    """Makes `workdir/evaluation`, or that of another split or of one stage."""
    from ytdnn.evaluation import evaluate_run

    directory = workdir / report_files.DIRECTORIES[split]
    result = evaluate_run.evaluate(workdir, config, split, stage)
    report_files.write(directory, result)


def evaluation_config(config: configs.Config) -> Mapping[str, Any]:
    """Returns the settings that `workdir/evaluation` depends on."""
    settings = configs.to_dict(config)
    return {name: settings[name] for name in report_files.SETTINGS}


def export(config: configs.Config, workdir: pathlib.Path) -> None:
    """Makes `workdir/bundle`, with a record of the refresh, if any."""
    from ytdnn.bundle import export as bundle_export
    from ytdnn.log import prepared

    config = served_config(config, workdir)
    trained = prepared.load(workdir / "data").manifest.facts.get(prepared.REFIT)
    if trained is None:
        bundle_export.export(workdir, config)
        return
    end = int(trained[prepared.TRAINED_TO])
    moment = {"seconds": end, "utc": formats.utc(end)}
    facts = {"trained_to": moment, "evaluation": None}
    bundle_export.export(workdir, config, bundle_export.Refit(".", facts, None))


def changed_videos(workdir: pathlib.Path) -> dict[str, str]:
    """Returns the fingerprints of the lists of removed and added videos, if any."""
    from ytdnn.bundle import added_videos, removed_videos

    return removed_videos.inputs(workdir) | added_videos.inputs(workdir)


def bundle_config(config: configs.Config) -> Mapping[str, Any]:
    """Returns the settings that `workdir/bundle` depends on."""
    from ytdnn.bundle import export

    return export.step_config(config)
