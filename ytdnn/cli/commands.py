"""All commands, in the order of `ytdnn --help`."""

from ytdnn.cli import (
    command,
    commands_of_bundles,
    commands_of_models,
    commands_of_studies,
)

Command = command.Command
COMMANDS: tuple[Command, ...] = (
    *commands_of_models.COMMANDS,
    *commands_of_bundles.COMMANDS,
    *commands_of_studies.COMMANDS,
)
