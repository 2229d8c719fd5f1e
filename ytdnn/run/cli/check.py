"""`ytdnn check`: lists every mistake and note of an event log; writes nothing."""

from ytdnn.base import configs, formats
from ytdnn.run.cli import arguments, output, resolved

_MISTAKES = 1


def run(given: arguments.Arguments) -> int:
    """Runs the command and returns the exit status: 1 if `prepare` would refuse.

    Raises:
      errors.UserError: A flag has a wrong value.
    """
    from ytdnn.run.pipeline import checking

    config = resolved.config(given, configs.Config())
    found = checking.check(config.data)
    output.result(
        lambda: {"mistakes": found.mistakes, "notes": found.notes, "lines": found.lines}
    )
    for line in found.lines:
        output.say(line)
    for number, line in enumerate(found.mistakes, 1):
        output.say(f"mistake {number}: {line}")
    output.say(
        f"{formats.counted(len(found.mistakes), 'mistake')}, "
        f"{formats.counted(len(found.notes), 'note')}; nothing was written"
    )
    return _MISTAKES if found.mistakes else 0
