"""`ytdnn vectors`: the vectors of users or of videos, as a Parquet file."""

from ytdnn.base import errors
from ytdnn.run import pipeline
from ytdnn.run.cli import arguments, many

Flag = arguments.Flag

FLAGS = (
    Flag("workdir", "Directory of a run.", example="DIR"),
    Flag("bundle", "Directory of a bundle, instead of --workdir.", example="DIR"),
    Flag(
        "users",
        "all, or a file of users: Parquet or CSV with a column user_id, or text with "
        "one id per line.",
        example="all|FILE",
    ),
    Flag(
        "videos",
        "all videos with a vector, or a file of videos, in the same form with "
        "video_id.",
        example="all|FILE",
    ),
    Flag(
        "out",
        "File to write, with one id and its vector per row.",
        example="FILE.parquet",
        required=True,
    ),
)
_KINDS = ("users", "videos")


def run(given: arguments.Arguments) -> None:
    """Runs the command.

    Raises:
      errors.UserError: Flags contradict each other, there is no bundle, or none of the
        given ids exists.
    """
    values = given.values
    chosen = [kind for kind in _KINDS if kind in values]
    if len(chosen) != 1:
        received = "both" if chosen else "neither"
        raise errors.UserError(
            f"expected --users=all|FILE or --videos=all|FILE, received {received} "
            f"(ytdnn vectors --help)"
        )
    (kind,) = chosen
    recommender = many.recommender(values, "vectors")
    write = {
        "users": pipeline.write_user_vectors,
        "videos": pipeline.write_video_vectors,
    }[kind]
    with many.shown("vectors", kind) as shown:
        written = write(
            recommender, values["out"], many.named(values[kind]), progress=shown
        )
    many.show(written, kind.removesuffix("s"))
