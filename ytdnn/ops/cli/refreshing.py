"""`ytdnn refresh`: continues the training of a run's models on new events."""

import pathlib

from ytdnn.base import errors
from ytdnn.run import pipeline
from ytdnn.run.cli import arguments, given_settings, output, resolved
from ytdnn.run.pipeline import runner

_BAD_ROWS = ("stop", "drop")
SECTIONS = ("refresh", "index", "composition")
FLAGS = (
    arguments.Flag(
        "from", "Directory of the trained run.", example="DIR", required=True
    ),
    arguments.Flag(
        "data_dir",
        "Log of the newer events only, or the whole log with them.",
        example="PATH",
        required=True,
    ),
    arguments.Flag(
        "workdir",
        "Directory of the new run, made if missing.",
        example="DIR",
        required=True,
    ),
    arguments.Flag(
        "columns",
        "Your column names in the new log; default: those of the run.",
        example="TABLE.COLUMN=OWN,…",
    ),
    arguments.Flag(
        "bad_rows",
        "What to do with invalid rows; default: as in the run.",
        example="|".join(_BAD_ROWS),
    ),
)


def run(given: arguments.Arguments) -> None:
    """Refreshes a run into another workdir.

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
    config = resolved.later_config(given, source)
    bundle = pipeline.refresh(
        source,
        directory,
        data_dir=given.values["data_dir"],
        config=config,
        columns=given_settings.entries("data.columns", given.values.get("columns", "")),
        bad_rows=arguments.choice(given, "bad_rows", _BAD_ROWS),
        verbose=output.say,
    )
    output.say(f"bundle: {bundle}")
    output.say(f"next: {runner.recommend_command(directory)}")
