"""`ytdnn similar`: the most similar videos of one video, or of all."""

import rich.box
import rich.console
import rich.table

from ytdnn.base import errors
from ytdnn.run import pipeline
from ytdnn.run.cli import arguments, many, output

Flag = arguments.Flag

FLAGS = (
    Flag("workdir", "Directory of a run.", example="DIR"),
    Flag("bundle", "Directory of a bundle, instead of --workdir.", example="DIR"),
    Flag("video", "A video_id of the event log.", example="VIDEO_ID"),
    Flag(
        "all",
        "Find the similar videos of all videos with a vector; with --out.",
        is_switch=True,
    ),
    Flag(
        "out",
        "File to write, a row for each video and rank.",
        example="FILE.parquet|FILE.csv",
    ),
    Flag("k", "Number of similar videos; default: 10.", example="N"),
    Flag(
        "by",
        "Column of vectors in the log, such as those of an image encoder; default: the "
        "vectors of the candidate model.",
        example="videos.COLUMN",
    ),
)
_K = 10
_WIDTH = 88


def run(given: arguments.Arguments) -> None:
    """Runs the command.

    Raises:
      errors.UserError: Flags contradict each other, the video or bundle does not exist,
        or the video has no vector.
    """
    values = given.values
    k = arguments.whole("k", values["k"]) if "k" in values else _K
    is_all = values.get("all") == "True"
    if is_all == ("video" in values):
        received = "both" if is_all else "neither"
        raise errors.UserError(
            f"expected --video=VIDEO_ID, or --all with --out=FILE, received {received} "
            f"(ytdnn similar --help)"
        )
    if is_all != ("out" in values):
        raise errors.UserError(
            "expected --out=FILE.parquet|FILE.csv with --all, received none"
            if is_all
            else "--out belongs to --all: videos similar to --video are printed"
        )
    recommender, by = many.recommender(values, "similar"), values.get("by", "")
    if is_all:
        with many.shown("similar videos", "videos") as shown:
            written = pipeline.write_similar(
                recommender, values["out"], k=k, by=by, progress=shown
            )
        many.show(written, "video")
    else:
        _show(recommender, values["video"], k, by)


def _show(recommender: pipeline.Recommender, video: str, k: int, by: str) -> None:
    found = recommender.similar([video], k, by)
    title = recommender.bundle.title(video)
    name = f"Similar to {video}" + (f": {title}" if title else "")
    name += f" (by {by})" if by else ""
    table = rich.table.Table(title=name, title_justify="left", box=rich.box.SIMPLE)
    for column in ("rank", "id", "title", "cosine"):
        table.add_column(column, overflow="fold")
    for row in found.iter_rows(named=True):
        cells = (row["rank"], row["similar_video_id"], row.get("title") or "")
        table.add_row(*map(str, cells), f"{row['score']:.4f}")
    rich.console.Console(width=_WIDTH).print(table)
    if found.height < k:
        output.say(f"note: {k:,} videos asked for, there are {found.height:,} others")
