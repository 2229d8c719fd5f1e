"""The steps after training: the order that is served, the report and the bundle.

Every function takes (config, workdir); see `steps`.
"""

import dataclasses
import json
import pathlib
from collections.abc import Mapping
from typing import Any

from ytdnn.base import artifacts, configs, formats
from ytdnn.evaluation import continued_models, order_choice_artifact, report_files
from ytdnn.run.pipeline import steps

Path = pathlib.Path

REFITTED = "refit"  # folder of the models of `ytdnn refit`
_ENABLED = "config.ranking.enabled is true"
_LIVE_TERMS = 19  # that a choice has weights of; those of other numbers are made anew


def served_config(config: configs.Config, workdir: Path) -> configs.Config:
    """Returns a run's config with the order that the artefact `choice` has chosen.

    Args:
      config: Config of the run.
      workdir: Directory of the run.
    """
    choice = order_choice_artifact.read(workdir) or order_choice_artifact.Choice(
        True, ""
    )
    composition = order_choice_artifact.composition(config, workdir)
    if config.ranking.enabled != "auto":
        return dataclasses.replace(config, composition=composition)
    ranking = dataclasses.replace(config.ranking, enabled=choice.serves_ranker)
    if composition.ordered_by == "ranker":
        composition = dataclasses.replace(composition, ordered_by=choice.ordered_by)  # type: ignore[arg-type]
    return dataclasses.replace(config, ranking=ranking, composition=composition)


def ranker_not_served(config: configs.Config, workdir: Path) -> str:
    """Returns why the run serves no ranker; empty if it serves one."""
    why = steps.ranker_left_out(config, workdir)
    if why or steps.ranker_left_out(served_config(config, workdir), workdir) == "":
        return why
    return "the candidates' order is served (ranking.enabled=auto)"


def choice_left_out(config: configs.Config, workdir: Path) -> str:
    """Returns why there is no order to choose; empty if there is."""
    why = steps.ranker_left_out(config, workdir)
    if not why:
        return "" if config.ranking.enabled == "auto" else _ENABLED
    is_live = config.composition.live and config.data.protocol == "temporal"
    is_live = is_live and config.ranking.enabled and config.candidates.is_network
    return "" if is_live else why


def choose_order(config: configs.Config, workdir: Path) -> None:
    """Makes `workdir/choice`."""
    from ytdnn.evaluation import live_term_choice, order_choice, pool_choice

    has_ranker = not steps.ranker_left_out(config, workdir)
    choice = order_choice_artifact.Choice(True, "")
    if has_ranker:
        choice = order_choice.from_run(config, workdir)
    is_temporal = config.data.protocol == "temporal"
    if config.composition.live and is_temporal:
        live = live_term_choice.from_run(config, workdir, has_ranker)
        if live.live_weights or not has_ranker:
            words = ". ".join(filter(None, [choice.words, live.words]))
            weights = live.live_weights
            choice = dataclasses.replace(choice, words=words, live_weights=weights)
    if has_ranker and is_temporal:
        choice = pool_choice.from_run(config, workdir, choice)
    inputs = steps.fingerprints(
        workdir, ["data", "candidates", *["ranking"] * has_ranker]
    )
    directory = workdir / order_choice_artifact.KIND
    order_choice_artifact.publish(directory, choice, choice_config(config), inputs)


def choice_config(config: configs.Config) -> Mapping[str, Any]:
    """Returns the settings that `workdir/choice` depends on."""
    return {
        "ranking": {"enabled": config.ranking.enabled},
        "composition": {"live": config.composition.live, "live_terms": _LIVE_TERMS},
    }


def describe_choice(config: configs.Config, workdir: Path) -> list[str]:
    """Returns the lines to print after `workdir/choice` is made."""
    choice = order_choice_artifact.read(workdir)
    return [choice.words] if choice is not None and choice.words else []


def evaluate(
    config: configs.Config, workdir: Path, split: str = "test", stage: str = ""
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


def export(config: configs.Config, workdir: Path) -> None:
    """Makes `workdir/bundle`, with a record of what the models learned last, if any."""
    from ytdnn.bundle import export as bundle_export
    from ytdnn.log import prepared

    served = served_config(config, workdir)
    home = served_home(config, workdir)
    facts = prepared.load(home / "data").manifest.facts
    if prepared.REFIT not in facts and home == workdir:
        bundle_export.export(workdir, served)
        return
    trained = facts.get(prepared.REFIT)
    end = int(trained[prepared.TRAINED_TO] if trained else facts["windows"]["test"])
    note, learned = "", formats.utc(end) if "windows" in facts else "the end of the log"
    if home != workdir:
        note = (
            f"measured on candidates that learned what was before the test; those that "
            f"are served learned up to {learned}"
        )
    moment = {"seconds": end, "utc": formats.utc(end)}
    later = bundle_export.Refit(
        home.relative_to(workdir).as_posix(),
        {"trained_to": moment, "evaluation": note or None},
        measured(served, workdir, note) if note else None,
        _later_inputs(config, workdir) if note else {},
    )
    bundle_export.export(workdir, served, later)


def served_home(config: configs.Config, workdir: Path) -> Path:
    """Returns the folder of the models that a bundle is made from."""
    if config.refit:
        return workdir / REFITTED
    place = workdir / continued_models.TO_END
    is_made = (place / continued_models.KIND / artifacts.MANIFEST).exists()
    if is_made and not continued_models.end_left_out(config, workdir):
        return place
    return continued_models.home(config, workdir)


def _later_inputs(config: configs.Config, workdir: Path) -> dict[str, str]:
    """Returns the fingerprints of all that a bundle of later models is made from."""
    has_ranker = not steps.ranker_left_out(served_config(config, workdir), workdir)
    names = ["data", "candidates", "index", *["ranking"] * has_ranker]
    places = (continued_models.home(config, workdir), served_home(config, workdir))
    kind = continued_models.KIND
    later = [place / kind for place in dict.fromkeys(places) if place != workdir]
    names += [folder.relative_to(workdir).as_posix() for folder in later]
    return steps.fingerprints(workdir, names)


def measured(config: configs.Config, workdir: Path, note: str) -> dict[str, Any] | None:
    """Returns the metrics of the evaluated run for a bundle; None without current ones.

    Examples of users are left out, as a bundle may be passed on.

    Args:
      config: Config of the run, as it is served.
      workdir: Directory of the run.
      note: What was measured, in words.
    """
    path = workdir / report_files.DIRECTORIES["test"]
    if not path.exists():
        return None
    manifest = artifacts.read_manifest(path, report_files.KIND)
    names = ["data", *(k for k in ("candidates", "ranking") if k in manifest.inputs)]
    current = steps.fingerprints(workdir, names)
    if any(manifest.inputs[name] != current[name] for name in names):
        return None
    report = json.loads((path / report_files.REPORT).read_text(encoding="utf-8"))
    kept = {name: report[name] for name in ("protocol", "lists", "impressions")}
    if steps.ranker_left_out(config, workdir):
        lists = {k: v for k, v in kept["lists"].items() if k != "system"}
        kept |= {"lists": lists, "impressions": {}}
    return {"note": note, **kept}


def changed_videos(workdir: Path) -> dict[str, str]:
    """Returns the fingerprints of the lists of removed and added videos, if any."""
    from ytdnn.bundle import added_videos_table, removed_videos

    return removed_videos.inputs(workdir) | added_videos_table.inputs(workdir)


def bundle_config(config: configs.Config) -> Mapping[str, Any]:
    """Returns the settings that `workdir/bundle` depends on."""
    from ytdnn.bundle import export

    return export.step_config(config)
