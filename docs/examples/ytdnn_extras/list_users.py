"""`ytdnn list users`: the ids of a prepared set."""

import pathlib

from ytdnn import registries
from ytdnn.run.cli import command


@registries.COMMANDS.register("list users")
def list_users():
    """Returns the description of the command."""
    return command.Command(
        name="list users",
        summary="the users of a prepared set",
        details="Prints the id of each user of WORKDIR/data, one a line.",
        examples=("ytdnn list users --workdir=runs/mine",),
        flags=(command.Flag("workdir", "Directory of a run.", required=True),),
        groups=(),
        run=run,
    )


def run(given):
    """Runs the command; `given.values` are its flags by name."""
    from ytdnn.log import prepared

    data = prepared.load(pathlib.Path(given.values["workdir"]) / "data")
    print("\n".join(map(str, data.users["user_id"].to_list())))
