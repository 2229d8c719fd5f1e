"""The config of a command line: file, workdir, flags; and the flags that name them."""

import pathlib

from ytdnn.base import configs
from ytdnn.run.cli import arguments, config_file, given_settings
from ytdnn.run.pipeline import workdir

WORKDIR = arguments.Flag(
    "workdir", "Directory of the run, made if missing.", example="DIR", required=True
)
CONFIG = arguments.Flag(
    "config",
    "Python file with a get_config(), or a run whose settings are taken; default: the "
    "config of the workdir.",
    example="FILE.py|RUN",
)
K = arguments.Flag("k", key="evaluation.ks", example="10,50,100")
STRATEGY = arguments.Flag("strategy", key="strategy")

JSON = arguments.Flag(
    "json",
    "Print one JSON document on standard output, all else on standard error.",
    is_switch=True,
)
DATA_FLAGS = (
    arguments.Flag("source", key="data.source"),
    arguments.Flag("data_dir", key="data.dir", example="PATH"),
    arguments.Flag("name", key="data.name", example="NAME"),
    arguments.Flag(
        "files",
        "Your file for each table, such as watches=clicks.parquet.",
        key="data.files",
        example="TABLE=FILE,…",
    ),
    arguments.Flag(
        "columns",
        "Your column names, such as watches.video_id=item_id,watches.time=timestamp; "
        "numbers in another unit as watches.watch_seconds=played_ms/1000.",
        key="data.columns",
        example="TABLE.COLUMN=OWN,…",
    ),
    arguments.Flag("where", key="data.where", example="SQL"),
    arguments.Flag("bad_rows", key="data.bad_rows"),
    arguments.Flag("min_item_count", key="data.min_item_count", example="N"),
    arguments.Flag("protocol", key="data.protocol"),
)


def require_workdir(given: arguments.Arguments, command: str) -> None:
    """Checks that `--workdir` is given, for commands that do not always need it.

    Raises:
      errors.UserError: It is not given.
    """
    if WORKDIR.name not in given.values:
        raise arguments.not_given(WORKDIR, command)


def config(given: arguments.Arguments, without: configs.Config) -> configs.Config:
    """Returns the config of file and flags; `without` is the base without a file."""
    file = given.values.get(CONFIG.name)
    base = without if file is None else config_file.load(file)
    return given_settings.apply(base, given.overrides)


def later_config(given: arguments.Arguments, directory: pathlib.Path) -> configs.Config:
    """Returns the config of a command that works on prepared data.

    The source of the data is taken from the prepared set: a config file that names no
    directory applies to the data prepared here.

    Raises:
      errors.UserError: The workdir has no prepared set.
    """
    made = workdir.require_config(directory)
    names = workdir.source_settings(made)
    where = {f"data.{name}": getattr(made.data, name) for name in names}
    overrides = where | given.overrides
    return config(arguments.Arguments(given.values, overrides), made)
