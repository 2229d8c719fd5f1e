"""The config of a command line: file, workdir, flags; and the flags that name them."""

import pathlib

from ytdnn import configs, errors
from ytdnn.cli import arguments, config_file, workdir

WORKDIR = arguments.Flag(
    "workdir", "Directory of the run, made if missing.", example="DIR", required=True
)
CONFIG = arguments.Flag(
    "config",
    "Python file with a get_config(). Without it: the config of the workdir.",
    example="FILE.py",
)
K = arguments.Flag("k", key="evaluation.ks", example="10,50,100")


def config(given: arguments.Arguments, without: configs.Config) -> configs.Config:
    """Returns the config given: file, then flags; `without` where there is no file."""
    file = given.values.get(CONFIG.name)
    base = without if file is None else config_file.load(file)
    return arguments.apply(base, given.overrides)


def later_config(given: arguments.Arguments, directory: pathlib.Path) -> configs.Config:
    """Returns the config of a command that works on prepared data.

    Where the data came from is not asked again: a file that names no directory is
    meant for the data prepared here.

    Raises:
      errors.UserError: Nothing was prepared here.
    """
    made = workdir.read_config(directory)
    if made is None:
        raise errors.UserError(
            f"expected a run in {directory}, found no {workdir.CONFIG_FILE}: start "
            f"with `ytdnn prepare --workdir={directory}` or `ytdnn run`"
        )
    where = {"data.dir": made.data.dir, "data.name": made.data.name}
    overrides = where | given.overrides
    return config(arguments.Arguments(given.values, overrides), made)
