"""The flags that several commands share."""

import pathlib
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from ytdnn.base import errors, registries, table_schemas
from ytdnn.run.cli import command, given_settings

if TYPE_CHECKING:
    from ytdnn.run.pipeline import shared_machines

WORKDIR = command.Flag(
    "workdir", "Directory of the run, made if missing.", example="DIR", required=True
)
CONFIG = command.Flag(
    "config",
    "Python file with a get_config(), or a run whose settings are taken; default: the "
    "config of the workdir.",
    example="FILE.py|RUN",
)
FULL = command.Flag(
    "full", "Print all that the steps chose, all systems and notes.", is_switch=True
)
K = command.Flag("k", key="evaluation.ks", example="10,50,100")
STRATEGY = command.Flag("strategy", key="strategy")


def _column_settings(value: str) -> dict[str, str]:
    """Returns the settings that `--columns` fills: names, or those of a file."""
    if not value.endswith(".toml"):
        return {"data.columns": value}
    from ytdnn.log.sources import mappings  # loads Polars

    read = mappings.from_toml(pathlib.Path(value))
    filled = {f"data.{name}": text for name, text in read.items() if text}
    for key in filled:
        given_settings.require_setting(key, f" (in {value})")
    return filled


def mapping(
    values: Mapping[str, str], tables: Collection[str] = table_schemas.TABLES
) -> tuple[list[str], list[str]]:
    """Returns the entries of `--columns` and `--files` of a command without settings.

    Args:
      values: Values of its flags.
      tables: Tables that are read, of those in a file of `--columns`.
    """
    value = values.get("columns", "")
    filled = _column_settings(value)
    columns = given_settings.entries("data.columns", filled.get("data.columns", ""))
    if value.endswith(".toml"):
        columns = [each for each in columns if each.partition(".")[0] in tables]
    files = values.get("files", filled.get("data.files", ""))
    return columns, given_settings.entries("data.files", files)


DATA_FLAGS = (
    command.Flag("source", key="data.source"),
    command.Flag("data_dir", key="data.dir", example="PATH"),
    command.Flag("name", key="data.name", example="NAME"),
    command.Flag(
        "files",
        "Your file for each table, such as watches=clicks.parquet.",
        key="data.files",
        example="TABLE=FILE,…",
    ),
    command.Flag(
        "columns",
        "Your column names, such as watches.video_id=item_id,watches.time=timestamp; "
        "numbers in another unit as watches.watch_seconds=played_ms/1000; or the file "
        "of ytdnn check --suggest. Fills config.data.columns, of a file also others.",
        example="TABLE.COLUMN=OWN,…|FILE.toml",
        fills=_column_settings,
    ),
    command.Flag("where", key="data.where", example="SQL"),
    command.Flag("bad_rows", key="data.bad_rows"),
    command.Flag("min_item_count", key="data.min_item_count", example="N"),
    command.Flag("protocol", key="data.protocol"),
)
TRACKER = command.Flag(
    "tracker",
    "Experiment tracker to log settings, epochs and results to: mlflow, wandb, or one "
    "of a package. Set the address of its server in its own environment variables.",
    example="NAME",
)


def _feature_settings(value: str) -> dict[str, str]:
    """Returns the settings that `--features` fills.

    `users.*` are added to both networks, `videos.*` to the ranker. A declared feature
    is added to the ranker; or to the candidates, if the ranker has no feature of that
    name or reads it by default.
    """
    added: dict[str, list[str]] = {}
    for name in filter(None, map(str.strip, value.split(","))):
        is_own = name.startswith("users.")
        if is_own or ("." not in name and _is_of_candidates(name)):
            added.setdefault("candidates.features.add", []).append(name)
        if is_own or name not in added.get("candidates.features.add", ()):
            added.setdefault("ranking.features.add", []).append(name)
    return {key: ",".join(names) for key, names in added.items()}


def _is_of_candidates(name: str) -> bool:
    """Whether the candidates can read a feature that is no addition to the ranker's."""
    from ytdnn.features import (  # loads TensorFlow, for seconds
        base_feature,
        feature_choice,
    )

    known = [feature for feature in feature_choice.declared() if feature.name == name]
    additions = [f for f in known if base_feature.RANKING in f.networks - f.default_in]
    return not additions and any(base_feature.CANDIDATES in f.networks for f in known)


def _repeat_settings(value: str) -> dict[str, str]:
    """Returns the settings that `--repeats` fills."""
    keep, remove = ("true", "false") if value == "True" else ("false", "true")
    return {
        "composition.remove_watched": remove,
        "evaluation.remove_watched": remove,
        "candidates.validate_repeats": keep,
    }


def _session_settings(value: str) -> dict[str, str]:
    """Returns the settings that `--sessions` fills."""
    is_on = value == "True"
    return {
        "evaluation.targets": "last" if is_on else "all",
        "candidates.validate_last": str(is_on).lower(),
    }


TRAINING_FLAGS = (
    command.Flag(
        "features",
        "Features to add to the default ones (docs/features.md), or columns of the "
        "log, such as videos.genre. Fills config.ranking.features.add or "
        "config.candidates.features.add, for users.* both.",
        example="NAME,NAME",
        fills=_feature_settings,
    ),
    command.Flag(
        "repeats",
        "Watched videos may be recommended again and count as right answers, as in "
        "music. Fills remove_watched of composition and evaluation, and "
        "config.candidates.validate_repeats.",
        is_switch=True,
        fills=_repeat_settings,
    ),
    command.Flag(
        "sessions",
        "Each user is one session: validation and evaluation predict its last watch "
        "from those before it. Fills config.evaluation.targets and "
        "config.candidates.validate_last.",
        is_switch=True,
        fills=_session_settings,
    ),
    TRACKER,
    STRATEGY,
)


_POLARS, _SPARK = "polars", "spark"
_SPARK_FLAGS = (
    command.Flag(
        "spark_master",
        "Address of Spark's master; default: local[*], this machine. Workers must "
        "reach the log and the workdir under the same paths.",
        example="spark://HOST:PORT",
    ),
    command.Flag("conf", "Settings of Spark.", example="spark.KEY=VALUE,…"),
)


def engine_flags(work: str) -> tuple[command.Flag, ...]:
    """Returns the flags that choose an engine, with those of Spark.

    Args:
      work: Verb and object of the engine's work, for the help.
    """
    text = (
        f"Engine that {work}: polars on this machine, or spark (Apache Spark; needs "
        f"the extra `spark` and Java 17). Results are identical."
    )
    return command.Flag("engine", text, example="polars|spark"), *_SPARK_FLAGS


def machines(given: command.Arguments) -> "shared_machines.Machines | None":
    """Returns the machines that do the work; None: Polars on this machine.

    Raises:
      errors.UserError: The engine is unknown, or a flag belongs to another engine.
    """
    if command.choice(given, "engine", (_POLARS, _SPARK)) == _SPARK:
        return registries.HOOKS[_SPARK].make(given)
    for flag in _SPARK_FLAGS:
        if flag.name in given.values:
            raise errors.UserError(
                f"expected --engine=spark with --{flag.name}, found --engine=polars: "
                f"add it, or leave --{flag.name} out"
            )
    return None
