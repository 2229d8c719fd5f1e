"""`ytdnn index add`: adds new uploads to the answers of a run."""

import pathlib
from collections.abc import Sequence

from ytdnn.run import pipeline
from ytdnn.run.cli import arguments, given_settings, output, resolved
from ytdnn.run.pipeline import graph

_BAD_ROWS = ("stop", "drop")
FLAGS = (
    resolved.WORKDIR,
    arguments.Flag(
        "file",
        "Parquet or CSV file with the columns of the log's table videos.",
        example="FILE",
        required=True,
    ),
    arguments.Flag(
        "columns",
        "Your column names in the file, such as videos.title=name.",
        example="TABLE.COLUMN=OWN,…",
    ),
    arguments.Flag(
        "bad_rows",
        "What to do with invalid rows; default: stop.",
        example="|".join(_BAD_ROWS),
    ),
)
_MOST_SHOWN = 5


def add(given: arguments.Arguments) -> None:
    """Adds the videos of a file.

    Raises:
      errors.UserError: There is no run with a content side, or the file is malformed.
    """
    directory = pathlib.Path(given.values["workdir"])
    found = pipeline.add_videos(
        directory,
        given.values["file"],
        columns=given_settings.entries("data.columns", given.values.get("columns", "")),
        bad_rows=arguments.choice(given, "bad_rows", _BAD_ROWS, _BAD_ROWS[0]),
        verbose=output.say,
    )
    changed = found.changed
    for reason, number in changed.dropped.items():
        output.say(f"dropped: {reason}: {number:,} rows")
    _say_some("columns that the catalogue lacks, not read", changed.unread)
    _say_some("in the catalogue already, left as they are", changed.known)
    _say_some("removed from all answers, and stay so", changed.removed)
    output.say(
        f"added videos: {changed.num_added:,}, {found.share:.1%} of the built index"
    )
    if found.version is None:
        output.say("no bundle yet: the next export lists them")
    else:
        bundle = directory / graph.BUNDLE.name
        output.say(f"bundle: {bundle}, version {found.version}")
    if found.is_large:
        output.say(
            f"the added videos are searched one by one beside the index: train on what "
            f"was watched since with `ytdnn refresh --from={directory}`, which builds "
            f"it again (docs/freshness.md)"
        )


def _say_some(what: str, names: Sequence[str]) -> None:
    if not names:
        return
    more = ", …" if len(names) > _MOST_SHOWN else ""
    output.say(f"{what}: {len(names)} ({', '.join(names[:_MOST_SHOWN])}{more})")
