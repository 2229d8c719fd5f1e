"""`ytdnn refit` and `ytdnn refresh`: train the models of a run on later events."""

import dataclasses
import pathlib

from ytdnn.base import errors
from ytdnn.ops.refit import refitting
from ytdnn.run import pipeline
from ytdnn.run.cli import command, flags, output, resolved_config
from ytdnn.run.pipeline import runner

Flag = command.Flag
_BAD_ROWS = ("stop", "drop")
SECTIONS = ("refresh", "index", "composition")
FLAGS = (
    Flag("from", "Directory of the trained run.", example="DIR", required=True),
    Flag("data_dir", "Log with the newer events; or give --state.", example="PATH"),
    Flag(
        "state",
        "State of ytdnn serve, instead of a log: its events since the run.",
        example="FILE|redis://HOST",
    ),
    flags.WORKDIR,
    Flag(
        "columns",
        "Your column names in the new log; default: those of the run.",
        example="TABLE.COLUMN=OWN,…|FILE.toml",
    ),
    Flag(
        "files", "Your file names; default: those of the run.", example="TABLE=FILE,…"
    ),
    Flag(
        "bad_rows",
        "What to do with invalid rows; default: as in the run.",
        example="|".join(_BAD_ROWS),
    ),
)


@command.register("refresh", FLAGS, SECTIONS)
def refresh(given: command.Arguments) -> None:
    """Continue the training of a run's models with newer events.

    Appends new events to those of the run, which stays unchanged; trained weights and
    optimizer state are carried over to the grown vocabularies. Candidates learn from
    the new watches and some old ones, the ranker from the impressions since the
    candidates whose scores it reads were trained. Writes another workdir, which can be
    refreshed in turn; a refresh that was killed resumes.

    Examples:
      ytdnn refresh --from=runs/monday --data_dir=logs/monday --workdir=runs/tuesday
      ytdnn refresh --from=runs/monday --state=state.db --workdir=runs/tuesday

    Raises:
      errors.UserError: A flag would change the trained models, or the refresh fails.
    """
    strange = [k for k in given.overrides if k.partition(".")[0] not in SECTIONS]
    if strange:
        raise errors.UserError(
            f"expected settings of {', '.join(SECTIONS)} for a refresh, received "
            f"--config.{strange[0]}: all others are those of the trained run"
        )
    source = pathlib.Path(given.values["from"])
    directory = pathlib.Path(given.values["workdir"])
    config = resolved_config.later_config(given, source)
    columns, files = flags.mapping(given.values)
    bundle = pipeline.refresh(
        source,
        directory,
        data_dir=given.values.get("data_dir"),
        state=given.values.get("state", ""),
        config=config,
        columns=columns,
        files=files,
        bad_rows=command.choice(given, "bad_rows", _BAD_ROWS),
        verbose=output.say,
    )
    output.say(f"bundle: {bundle}")
    output.say(f"next: {runner.recommend_command(directory)}")


@command.register("refit", (flags.WORKDIR, flags.CONFIG, flags.STRATEGY))
def refit(given: command.Arguments) -> None:
    """Retrain the chosen models to the end of the log, and export them.

    For serving, once settings and epochs are chosen and evaluated: candidates and
    ranker are trained on the whole log, validation and test included, for the best
    epoch count of the evaluated models. The ranker reads scores of candidates trained
    only before its window. Writes WORKDIR/refit, and a new version of the bundle, with
    the evaluation of the original run; later exports are of the refit too, until
    --config.refit=false.

    Examples:
      ytdnn refit --workdir=runs/mine
    """
    directory = pathlib.Path(given.values["workdir"])
    config = resolved_config.later_config(given, directory)
    bundle = pipeline.refit(directory, config, verbose=output.say)
    config = dataclasses.replace(config, refit=True)
    output.say(f"the evaluation in {bundle} was {refitting.note(config, directory)}")
    output.say(f"next: {runner.next_command(config, directory)}")
