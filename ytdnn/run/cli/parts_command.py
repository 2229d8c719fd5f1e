"""`ytdnn parts`: lists the parts of each registry, with their origin."""

from ytdnn.base import registries
from ytdnn.run.cli import command, given_settings, output


@command.register(
    "parts",
    (
        command.Flag("kind", "Parts of one registry; default: all.", example="KIND"),
        command.Flag("extensions", "Files that register parts.", example="FILE.py,…"),
    ),
)
def parts(given: command.Arguments) -> None:
    """Losses, sources, metrics and other parts, and where they come from.

    Lists the parts of every registry by name: those of ytdnn, of the files of
    --extensions, and of installed packages, with their versions. A config names them;
    docs/extending.md shows how to add some.

    Examples:
      ytdnn parts --kind=losses
      ytdnn parts --extensions=margin.py

    Raises:
      errors.UserError: The kind is unknown, or a file cannot be read.
    """
    given_settings.extend(given.values.get("extensions", ""))
    every = registries.every()
    kind = command.choice(given, "kind", tuple(every))
    origins = {
        name: {n: each.version(n) or "ytdnn" for n in each.names()}
        for name, each in every.items()
        if kind in ("", name)
    }
    output.result(lambda: {"parts": origins})
    for name, parts in origins.items():
        output.say(f"{name}:")
        for part, origin in parts.items():
            output.say(f"  {part}{f' ({origin})' if origin != 'ytdnn' else ''}")
