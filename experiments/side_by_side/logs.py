"""The logs, each with the flags of its `ytdnn run`."""

import dataclasses
import pathlib
import subprocess
import sys


@dataclasses.dataclass(frozen=True)
class Log:
    """A log.

    Attributes:
      title: Name for people.
      flags: Flags of `ytdnn run`, without the directory of the data.
      has_data: Whether it is read from a directory.
      law: Law and size of experiments/made_logs.py; empty: it is not made.
    """

    title: str
    flags: tuple[str, ...]
    has_data: bool = True
    law: tuple[str, ...] = ()


_LEAVE_ONE_OUT = "--protocol=leave_one_out"
_MIND = (
    "watches.video_id=news_id,impressions.video_id=news_id,videos.video_id=news_id,"
    "videos.topic=category,videos.channel_id=subcategory"
)


def _movielens(name: str, title: str, *flags: str) -> Log:
    return Log(title, ("--source=movielens", f"--name={name}", _LEAVE_ONE_OUT, *flags))


def _made(law: str, size: str) -> Log:
    flags = (f"--law={law}", f"--size={size}")
    return Log(f"made log ({law}, {size})", ("--source=log",), law=flags)


# The folder of `--data` that a log lies in has its name.
LOGS = {
    "ml-100k": _movielens("ml-100k", "MovieLens-100K"),
    "ml-latest-small": _movielens("ml-latest-small", "MovieLens latest-small"),
    "amazon-toys": Log(
        "Amazon Toys",
        (
            "--source=log",
            "--files=watches=interactions",
            "--columns=watches.video_id=item_id,watches.time=seq",
            _LEAVE_ONE_OUT,
        ),
    ),
    "quickstart": Log(
        "made world (quickstart)",
        ("--config=experiments/quickstart.py",),
        has_data=False,
    ),
    "kuairand-pure-slice": Log(
        "short videos (KuaiRand-Pure, a slice)",
        ("--source=kuairand", "--name=pure", "--config.data.page_gap_seconds=600"),
    ),
    "globo-clicks": Log(
        "news clicks (Globo.com)",
        (
            "--source=log",
            "--files=watches=clicks",
            "--columns=watches.video_id=article_id",
        ),
    ),
    "other-laws": Log("made log of other laws", ("--source=log",)),
    "mind-sample": Log(
        "news impressions (MIND, a sample)",
        (
            "--source=log",
            "--files=videos=news",
            f"--columns={_MIND}",
            "--config.data.test_fraction=.2",
        ),
    ),
    # Many of its ratings share a second: the order of its rows parts them.
    "ml-1m": _movielens("ml-1m", "MovieLens-1M", "--config.data.order_by=order"),
    "topics-10k": _made("topics", "10k"),
    "topics-100k": _made("topics", "100k"),
}
QUICK = ("quickstart", "ml-100k", "ml-latest-small")


def command(name: str, data: pathlib.Path | None, workdir: pathlib.Path) -> list[str]:
    """Returns the command of ytdnn's run on a log; a made log is made here.

    Args:
      name: Name of the log.
      data: Directory of the data sets; None: those that can be are downloaded.
      workdir: Directory of the run.
    """
    log, flags = LOGS[name], []
    if log.law:
        home = workdir.parent / "log"
        make = [sys.executable, "-m", "experiments.made_logs", str(home), *log.law]
        subprocess.run(make, check=True)
        flags = [f"--data_dir={home}"]
    elif log.has_data and data is not None:
        flags = [f"--data_dir={data / name}"]
    own = ["run", *log.flags, *flags, f"--workdir={workdir}"]
    return [sys.executable, "-m", "ytdnn", *own]
