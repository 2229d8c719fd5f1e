"""The commands that run other steps: run, prepare, check, export."""

import dataclasses
import importlib.resources
import pathlib
import tempfile
from typing import TYPE_CHECKING, Any

from ytdnn.base import artifacts, configs, errors, formats, machine_facts, user_paths
from ytdnn.run import pipeline
from ytdnn.run.cli import command, evaluate, flags, output, resolved_config
from ytdnn.run.pipeline import graph, runner, workdir

if TYPE_CHECKING:
    from ytdnn.log import prepared

_COLUMNS = pathlib.Path("columns.toml")
_MISTAKES = 1


def _directory(given: command.Arguments) -> pathlib.Path:
    return pathlib.Path(given.values["workdir"])


def _run(given: command.Arguments) -> None:
    """Run all steps, from event log to bundle; resumes where it stopped.

    Prepares, trains, builds the index, evaluates and exports. A step is skipped, with a
    line that says so, if its output is complete and was made from this config; a step
    that was killed resumes. Without --config, uses the workdir's config.json; without
    any setting of data, the quickstart on the built-in synthetic world.

    Examples:
      ytdnn run --workdir=runs/quickstart
      ytdnn run --workdir=runs/mine --config.candidates.embedding_dim=32
      ytdnn run --config=runs/mine --workdir=runs/again --config.seed=1
      ytdnn run --workdir=runs/mine --refit
    """
    directory = _directory(given)
    config = resolved_config.config(given, _made(given) or _first(given))
    machines = flags.machines(given)
    with resolved_config.tracked(given, directory, config) as tracker:
        evaluated = pipeline.run(
            directory,
            config,
            machines=machines,
            verbose=output.say,
            is_full=flags.FULL.name in given.values,
        )
        evaluate.track(tracker, evaluated, "test")
    evaluate.show(evaluated, given)
    for note in graph.notes(config, directory):
        output.say(note)
    if (directory / graph.BUNDLE.name).exists():
        output.say(f"bundle: {directory / graph.BUNDLE.name}")
    output.say(f"next: {runner.recommend_command(directory)}")


def _first(given: command.Arguments) -> configs.Config:
    """Returns the config that a new run begins with: the quickstart without a log."""
    names_a_log = any(key.startswith("data.") for key in given.overrides)
    return configs.Config() if names_a_log else configs.quickstart()


def _made(given: command.Arguments) -> configs.Config | None:
    """Returns the config of the workdir; None if a config file is given."""
    is_given = flags.CONFIG.name in given.values
    return None if is_given else workdir.read_config(_directory(given))


def _prepare(given: command.Arguments) -> None:
    """Read, check and split an event log; writes WORKDIR/data.

    Reads the source, refuses or drops bad rows, filters, splits and writes the prepared
    set; ends with a table of the rows that were read, used and left out. Without
    --config, the settings of `data` start from the defaults listed below, all others
    from the workdir's config.json.

    Examples:
      ytdnn prepare --source=log --data_dir=logs --workdir=runs/mine
      ytdnn prepare --source=movielens --data_dir=ml-1m.zip --workdir=runs/ml
      ytdnn prepare --source=log --data_dir=/shared/logs --workdir=/run --engine=spark
      ytdnn prepare --explain
    """
    if given.values.get("explain") == "True":
        page = importlib.resources.files("ytdnn.log") / "event_log.md"
        output.say(page.read_text(encoding="utf-8"))
        return
    if flags.WORKDIR.name not in given.values:
        raise command.not_given(flags.WORKDIR, "prepare")
    directory = _directory(given)
    made = _made(given) or configs.Config()
    config = resolved_config.config(
        given, dataclasses.replace(made, data=configs.DataConfig())
    )
    data = pipeline.prepare(
        directory,
        config,
        machines=flags.machines(given),
        again=True,
        verbose=output.say,
    )
    output.result(lambda: numbers(data))
    output.say(f"next: ytdnn train --workdir={directory}")


def _check(given: command.Arguments) -> int:
    """List all problems of an event log at once, or propose its mapping.

    Reads the source as `prepare` does, with the same flags, and lists all problems:
    each kind of bad row with its first occurrence, and values that look like mistakes.
    Exit status 1 if `prepare` would refuse the log; writes nothing. With --suggest,
    proposes by names and values which file and column is which, in columns.toml, which
    --columns takes; those of --files and --columns are taken as they are.

    Examples:
      ytdnn check --suggest --data_dir=logs
      ytdnn check --source=log --data_dir=logs
      ytdnn check --source=log --data_dir=logs --columns=watches.video_id=item_id
    """
    if given.values.get("suggest") == "True":
        return _suggest(given)
    checked = check(resolved_config.config(given, configs.Config()).data)
    mistakes, notes = checked.mistakes, checked.notes
    output.result(lambda: {"mistakes": mistakes, **checked.numbers})
    for line in checked.lines:
        output.say(line)
    for number, line in enumerate(mistakes, 1):
        output.say(f"mistake {number}: {line}")
    output.say(
        f"{formats.counted(len(mistakes), 'mistake')}, "
        f"{formats.counted(len(notes), 'note')}; nothing was written"
    )
    return _MISTAKES if mistakes else 0


@dataclasses.dataclass(frozen=True)
class Findings:
    """The findings of a check.

    Attributes:
      mistakes: Errors that `prepare` would stop at, a line each.
      lines: Lines that it would end with: the table of columns, and the notes.
      numbers: See `numbers`.
    """

    mistakes: list[str]
    lines: list[str]
    numbers: dict[str, Any]

    @property
    def notes(self) -> list[str]:
        """The lines that are notes."""
        return [line for line in self.lines if line.startswith("note: ")]


def check(config: configs.DataConfig) -> Findings:
    """Reads and checks an event log as `prepare` does, and keeps no output.

    Args:
      config: Settings of the log; `bad_rows` is ignored, notes leave bad rows out.
    """
    from ytdnn.evaluation import prepare_summary
    from ytdnn.log import log_checks, log_warnings, prepare, sources

    mistakes: list[str] = []
    # Bad rows that are to be dropped are counted among the lines.
    collected = None if config.bad_rows == "drop" else mistakes
    dropping = dataclasses.replace(config, bad_rows="drop")
    with tempfile.TemporaryDirectory() as place:
        data = pathlib.Path(place) / "data"
        try:
            log = sources.read(config)
            prepared_set = prepare.from_log(dropping, log, data, {}, mistakes=collected)
        except errors.SeveralError as error:
            return Findings(error.messages, [], {})
        except errors.UserError as error:
            # That no watch is left says nothing new of what is a mistake in each row.
            is_new = not (mistakes and isinstance(error, log_checks.NoRowsLeftError))
            return Findings([*mistakes, *([str(error)] if is_new else [])], [], {})
        lines = prepare_summary.lines(prepared_set)
        lines += log_warnings.few_users(prepared_set.num_users)
        return Findings(mistakes, lines, numbers(prepared_set))


def numbers(data: "prepared.PreparedData") -> dict[str, Any]:
    """Returns the rows, columns, windows and counts of a prepared set."""
    from ytdnn.evaluation import prepare_summary

    return {"log": data.manifest.facts, "counts": prepare_summary.counts(data)}


def _suggest(given: command.Arguments) -> int:
    """Writes and prints a proposed mapping."""
    from ytdnn.log.sources import mapping_suggestions

    directory = given.overrides.get("data.dir", "")
    names = {key.removeprefix("data."): v for key, v in given.overrides.items()}
    columns, files = flags.mapping(names)
    mapped = mapping_suggestions.suggest(user_paths.expanded(directory), files, columns)
    if _COLUMNS.exists() and _COLUMNS.read_text("utf-8") != mapped.text():
        raise errors.UserError(
            f"expected no {_COLUMNS} in {pathlib.Path.cwd()}, found one that differs: "
            f"use it with --columns={_COLUMNS}, or move it away"
        )
    artifacts.write_text(_COLUMNS, mapped.text())
    output.result(lambda: {"path": _COLUMNS, "suggestion": mapped})
    output.say(mapped.text())
    output.say(f"{_COLUMNS}: {mapped.summary()}")
    command = f"ytdnn check --source=log --data_dir={directory} --columns={_COLUMNS}"
    missing = ", ".join(mapped.missing())
    name_it = f"missing: {missing}: name it in {_COLUMNS}, then {command}"
    output.say(name_it if missing else f"next: {command}")
    return 0


def _export(given: command.Arguments) -> None:
    """Export the SavedModels for serving to WORKDIR/bundle.

    Writes the models for serving: user tower, index, ranker, and the recommender that
    combines them, with manifest, titles, vocabularies and a config for TensorFlow
    Serving. Earlier versions stay; a running server loads the new one by itself.

    Examples:
      ytdnn export --workdir=runs/mine
      ytdnn export --workdir=runs/mine --keep=3
    """
    machine_facts.give_memory_back()
    directory = _directory(given)
    config = resolved_config.later_config(given, directory)
    keep = given.values.get("keep")
    number = None if keep is None else command.whole("keep", keep)
    pipeline.export(directory, config, keep=number, verbose=output.say)
    output.say(f"next: {runner.next_command(config, directory)}")


_NEW_LOG = (flags.CONFIG, *flags.DATA_FLAGS)
_ENGINE_FLAGS = flags.engine_flags("prepares the log")
_RUN_FLAGS = (
    flags.WORKDIR,
    *_NEW_LOG,
    *_ENGINE_FLAGS,
    *flags.TRAINING_FLAGS,
    command.Flag("refit", key="refit", is_switch=True),
    flags.K,
    flags.FULL,
)
_PREPARE_FLAGS = (
    dataclasses.replace(flags.WORKDIR, required=False),
    *_NEW_LOG,
    *_ENGINE_FLAGS,
    command.Flag("explain", "Print the format of an event log.", is_switch=True),
)
_CHECK_FLAGS = (
    *_NEW_LOG,
    command.Flag("suggest", "Write columns.toml for --columns.", is_switch=True),
)
_EXPORT_FLAGS = (
    flags.WORKDIR,
    flags.CONFIG,
    command.Flag("keep", "Number of versions to keep; default: all.", example="N"),
)
_ALL = tuple(field.name for field in dataclasses.fields(configs.Config))
COMMANDS = (
    command.from_function("run", _run, _RUN_FLAGS, _ALL),
    command.from_function("prepare", _prepare, _PREPARE_FLAGS, ("data",)),
    command.from_function("check", _check, _CHECK_FLAGS, ("data",)),
    command.from_function("export", _export, _EXPORT_FLAGS, ("composition",)),
)
