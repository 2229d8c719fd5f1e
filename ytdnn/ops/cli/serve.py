"""`ytdnn serve` and `ytdnn join-log`: serves a bundle, and joins its served log."""

import importlib.util
import os
import pathlib
import re

from ytdnn.base import errors
from ytdnn.ops.server import settings
from ytdnn.run.cli import command, output
from ytdnn.run.pipeline import graph

Flag = command.Flag

FLAGS = (
    Flag("workdir", "Directory of a run with the bundle to serve.", example="DIR"),
    Flag("bundle", "Directory of a bundle, instead of --workdir.", example="DIR"),
    Flag("port", "Port to listen on, 0 for any free one; default: 8501.", example="N"),
    Flag("host", "Address; default: 127.0.0.1; others need a token.", example="NAME"),
    Flag("token_file", "File with the token; or set YTDNN_TOKEN.", example="FILE"),
    Flag(
        "allowed_hosts", "Further names to accept in the Host header.", example="NAME,…"
    ),
    Flag("inspect", "Let the page show users of the prepared set.", is_switch=True),
    Flag(
        "log",
        "Directory to log answers and feedback to; none: no log; default: "
        "WORKDIR/served_log, none with --bundle.",
        example="DIR|none",
    ),
    Flag(
        "state",
        "File of the live state, which POST /events writes, or Redis for several "
        "machines (extra redis); none: no state; default: WORKDIR/state.db, none with "
        "--bundle.",
        example="FILE|redis://HOST|none",
    ),
    Flag(
        "spare_videos", "Most new videos of POST /events; default: 1000.", example="N"
    ),
    Flag(
        "flush_seconds",
        "Seconds between writes of --log; default: 5.",
        example="SECONDS",
    ),
    Flag(
        "batching",
        "on (default): requests within a millisecond share a run; off: none does.",
        example="on|off",
    ),
    Flag("processes", "Processes, each holds the bundle; default: 1.", example="N"),
    Flag("access_log", "File of lines of JSON; -: standard output.", example="FILE|-"),
    Flag(
        "queue_seconds",
        "Refuse requests (503) while others have waited this long; default: 1.",
        example="SECONDS",
    ),
    Flag(
        "traces", "on: OTLP traces (extra telemetry); off (default).", example="on|off"
    ),
)
JOIN_FLAGS = (
    Flag("log", "Directory of the served log.", example="DIR", required=True),
    Flag("out", "New directory for the event log.", example="DIR", required=True),
    Flag(
        "wait",
        "Seconds after an answer in which feedback counts; younger answers are left "
        "for a later call; default: 3600.",
        example="SECONDS",
    ),
)
COUNTERS_FLAGS = (
    Flag("workdir", "Directory of the run.", example="DIR", required=True),
    Flag(
        "state",
        "State that ytdnn serve writes; default: WORKDIR/state.db.",
        example="FILE|redis://HOST",
    ),
    Flag(
        "every",
        "Seconds between versions, until it is stopped; default: one version.",
        example="SECONDS",
    ),
    Flag("keep", "Number of versions to keep, at least 2; default: 2.", example="N"),
)
_TOKEN = "YTDNN_TOKEN"
_PACKAGES = ("fastapi", "uvicorn", "prometheus_client")


@command.register("serve", FLAGS)
def run(given: command.Arguments) -> None:
    """Serve a bundle over HTTP, with a page to inspect its answers.

    Implements TensorFlow Serving's REST API for every model of the bundle, including
    ScaNN's, and a simpler /recommend, /feedback and /events, which are kept. Loads new
    versions while it serves. The page at / shows candidates, their sources and scores,
    and the reason for each video's rank.

    Examples:
      ytdnn serve --workdir=runs/mine
      ytdnn serve --workdir=runs/mine --inspect --port=8080
      ytdnn serve --bundle=bundle --host=0.0.0.0 --token_file=token

    Raises:
      errors.UserError: A flag is wrong, the extra `serve` is missing, the port is taken
        or the bundle cannot be served.
    """
    values = given.values
    if ("workdir" in values) == ("bundle" in values):
        raise errors.UserError(
            "expected --workdir or --bundle, one of them (ytdnn serve --help)"
        )
    _require_packages()
    from ytdnn.ops.server import start

    path = values.get("token_file")
    token = start.token(pathlib.Path(path) if path else None, os.environ.get(_TOKEN))
    home = pathlib.Path(values.get("workdir", ""))
    is_run = "workdir" in values
    log = _kept(values, "log", "served_log")
    state: pathlib.Path | str | None = _kept(values, "state", "state.db")
    if values.get("state", "").startswith(("redis://", "rediss://")):
        state = values["state"]
    configured = settings.Settings(
        bundle=home / graph.BUNDLE.name if is_run else pathlib.Path(values["bundle"]),
        data=home / graph.DATA.name if is_run else None,
        host=values.get("host", settings.HOST),
        port=_number(values, "port", settings.PORT, 0, 65_535),
        token=token,
        hosts=tuple(n for n in values.get("allowed_hosts", "").split(",") if n),
        inspect=values.get("inspect") == "True",
        log=log,
        state=state,
        spare_videos=_number(values, "spare_videos", 1_000, 0, 100_000),
        flush_seconds=_seconds(values, "flush_seconds", "5"),
        is_batching=_is_on(given, "batching", "on"),
        limits=settings.Limits(queue_seconds=_seconds(values, "queue_seconds", "1")),
        processes=_number(values, "processes", 1, 1, 256),
        access_log=values.get("access_log"),
        traces=_is_on(given, "traces", "off"),
    )
    start.run(configured, output.say)


@command.register("counters", COUNTERS_FLAGS)
def counters(given: command.Arguments) -> None:
    """Publish the bundle with counters as of now, for TensorFlow Serving.

    Counts the events of the state on the log of the run, and publishes a version in
    which only the files of the counters and live terms are new; all others are links. A
    server that watches the bundle loads it. `ytdnn serve` counts by itself.

    Examples:
      ytdnn counters --workdir=runs/mine --every=60

    Raises:
      errors.UserError: A flag is wrong, or there is no state, or nothing to count.
    """
    from ytdnn.ops.counters import publishing

    values = given.values
    directory = pathlib.Path(values["workdir"])
    every, keep = (command.whole(n, values.get(n, "2")) for n in ("every", "keep"))
    number = publishing.publish_counters(
        directory,
        values.get("state", str(directory / "state.db")),
        every=every if "every" in values else 0.0,
        keep=keep,
        verbose=output.say,
    )
    output.result(lambda: {"version": number})


@command.register("join-log", JOIN_FLAGS)
def join(given: command.Arguments) -> None:
    """Turn served slates and their feedback into an event log to train on.

    Joins the answers and the feedback that `ytdnn serve` has logged, and writes
    impressions (with page, position, source, score, click and watch time) and watches
    as an event log, which `ytdnn prepare` reads as it is. Counts feedback that came
    within --wait of its answer; younger answers are left out, and their number is
    printed.

    Examples:
      ytdnn join-log --log=runs/mine/served_log --out=logs/served

    Raises:
      errors.UserError: A flag is wrong, or there is nothing to join.
    """
    from ytdnn.ops.server import joined_log

    wait = _seconds(given.values, "wait", "3600")
    log, out = (pathlib.Path(given.values[name]) for name in ("log", "out"))
    joined = joined_log.join(log, out, wait)
    output.result(lambda: {"path": out, "rows": joined})
    for name, number in joined.items():
        output.say(f"{name}: {number:,}")
    output.say(f"event log: {out}")
    if joined["clicks"]:
        output.say(f"next: ytdnn prepare --source=log --data_dir={out} --workdir=DIR")


def _kept(values: dict[str, str], flag: str, name: str) -> pathlib.Path | None:
    """Returns the place of what a server keeps, by default in its workdir."""
    default = f"{values['workdir']}/{name}" if "workdir" in values else "none"
    given = values.get(flag, default)
    return None if given == "none" else pathlib.Path(given)


def _is_on(given: command.Arguments, name: str, default: str) -> bool:
    return command.choice(given, name, ("on", "off"), default) == "on"


def _number(values: dict[str, str], name: str, default: int, *limits: int) -> int:
    text, (least, most) = values.get(name, str(default)), limits
    fits = bool(re.fullmatch(r"[0-9]{1,6}", text)) and least <= int(text) <= most
    errors.require(fits, f"--{name}", f"a number of {least} to {most}", text)
    return int(text)


def _seconds(values: dict[str, str], name: str, default: str) -> float:
    text = values.get(name, default)
    is_never = name == "flush_seconds" and not text.strip("0.")
    fits = not is_never and bool(re.fullmatch(r"\d{1,9}(\.\d{1,6})?", text))
    errors.require(fits, f"--{name}", "a number of seconds", text)
    return float(text)


def _require_packages() -> None:
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise errors.UserError(
            f"ytdnn serve needs {', '.join(missing)}: pip install -c constraints.txt "
            f"'.[serve]' in the checkout"
        )
