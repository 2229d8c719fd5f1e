"""`ytdnn recommend`: shows the answer to one request, or writes many to a file."""

import json
import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import rich.box
import rich.console
import rich.table

from ytdnn.base import errors, schema
from ytdnn.run import pipeline
from ytdnn.run.cli import arguments, engine, many, output, resolved
from ytdnn.run.pipeline import graph

if TYPE_CHECKING:
    from ytdnn.run.pipeline import machines as machines_room

Flag = arguments.Flag

_ENGINE_FLAGS = engine.flags("makes lists of many users")
FLAGS = (
    Flag(
        "workdir", "Directory of a run; with --user, or --users and --out.", "", "DIR"
    ),
    Flag("user", "A user_id of the event log.", example="USER_ID"),
    Flag(
        "bundle",
        "Directory of a bundle; with --request, or --users and --out.",
        "",
        "DIR",
    ),
    Flag("request", "JSON file of a request; with --bundle.", example="FILE.json"),
    Flag(
        "users",
        "all, or a file of users: Parquet or CSV with a column user_id, or text with "
        "one id per line; with --out.",
        example="all|FILE",
    ),
    Flag(
        "out",
        "File to write the recommendations of --users to, a row for each user and "
        "rank.",
        example="FILE.parquet|FILE.csv",
    ),
    Flag("k", "Number of recommendations; default: the request's, or 10.", example="N"),
    Flag(
        "index",
        "served (default): the index of the run; exact: exact search, which needs no "
        "ScaNN, and is the default for --users without the ranker.",
        example="served|exact",
    ),
    Flag(
        "ranker",
        "With --users; --noranker recommends the candidates with the best scores, many "
        "times faster. Default: with the ranker, if the run has one.",
        is_switch=True,
    ),
    Flag(
        "exclude",
        "With --users; file of videos to leave out in addition to those watched, in "
        "the form of --users with video_id. With a column user_id, each is left out "
        "for that user only.",
        example="FILE",
    ),
    Flag(
        "allow",
        "With --users; file of the only videos that may be recommended, by video_id.",
        example="FILE",
    ),
    Flag(
        "where",
        "Conditions on columns of videos, JSON: "
        '[{"column": "language", "in": ["en"]}, {"column": "age_days", "at_most": 7}].',
        example="JSON",
    ),
    Flag(
        "policy",
        "Name of conditions saved in the bundle (config.composition.policies).",
        example="NAME",
    ),
    Flag(
        "max_per",
        'Largest number of videos for each value of a column, JSON: {"channel_id": 2}.',
        example="JSON",
    ),
    Flag(
        "weights",
        "Weights of the ranker's predicted outcomes, by which videos are ordered, "
        "JSON: "
        '{"watch_seconds": 1, "liked": 30, "disliked": -200}.',
        example="JSON",
    ),
    *_ENGINE_FLAGS,
    resolved.JSON,
)
_INDEXES = ("served", "exact")
_PAIRS = (("workdir", "user"), ("bundle", "request"))
_OF_MANY = (
    *("users", "out", "ranker", "exclude", "allow"),
    *(flag.name for flag in _ENGINE_FLAGS),
)
_K = 10
_MOST_HISTORY = 10
_WIDTH = 88


def run(given: arguments.Arguments) -> None:
    """Runs the command.

    Raises:
      errors.UserError: Flags contradict each other, the user, request or bundle does
        not exist, or the bundle was made from other data.
    """
    values = given.values
    index = arguments.choice(given, "index", _INDEXES)
    of_many = [name for name in _OF_MANY if name in values]
    if of_many:
        _require_many(values, of_many)
        _recommend_many(values, index, engine.chosen(given))
        return
    chosen = [pair for pair in _PAIRS if set(pair) & set(values)]
    if len(chosen) != 1 or not set(chosen[0]) <= set(values):
        raise errors.UserError(
            "expected --workdir and --user, --workdir, --users and --out, or --bundle "
            "and --request (ytdnn recommend --help)"
        )
    _recommend_one(values, index == "exact")


def _require_many(values: Mapping[str, str], of_many: list[str]) -> None:
    """Checks the flags of recommendations that are written to a file."""
    for name in ("user", "request"):
        if name in values:
            raise errors.UserError(
                f"--{_typed(values, of_many[0])} is for --users=all|FILE, which writes "
                f"to --out=FILE, received --{name}, which prints one slate: leave one "
                f"out"
            )
    for name, value in (("users", "all|FILE"), ("out", "FILE.parquet|FILE.csv")):
        if name not in values:
            raise errors.UserError(
                f"expected --{name}={value} with --{_typed(values, of_many[0])}, "
                f"received none (ytdnn recommend --help)"
            )


def _typed(values: Mapping[str, str], name: str) -> str:
    """Returns a flag as it was typed."""
    return f"no{name}" if values[name] == "False" else name


def _recommend_many(
    values: Mapping[str, str], index: str, machines: "machines_room.Machines | None"
) -> None:
    k = arguments.whole("k", values["k"]) if "k" in values else _K
    recommender = many.recommender(values, "recommend")
    with many.shown("recommendations", "users") as shown:
        written = pipeline.write_recommendations(
            recommender,
            values["out"],
            many.named(values["users"]),
            k,
            ranker=values.get("ranker", "True") == "True",
            index=index,
            exclude=_file(values, "exclude"),
            allow=_file(values, "allow"),
            **_limits(values),
            machines=machines,
            progress=shown,
        )
    output.result(lambda: written)
    many.show(written, "user")


def _file(values: Mapping[str, str], name: str) -> pathlib.Path | None:
    return pathlib.Path(values[name]) if name in values else None


_LIMITS = {  # flags with JSON, and an example of each
    schema.WHERE: '[{"column": "language", "in": ["en"]}]',
    schema.MAX_PER: '{"channel_id": 2}',
    schema.ORDER_WEIGHTS: '{"watch_seconds": 1, "liked": 30}',
}


def _limits(values: Mapping[str, str]) -> dict[str, Any]:
    """Returns the given ones of --where, --policy, --max_per and --weights."""
    found: dict[str, Any] = {}
    for name, example in _LIMITS.items():
        if name not in values:
            continue
        try:
            found[name] = json.loads(values[name])
        except ValueError as error:
            raise errors.UserError(
                f"expected --{name} as JSON, {example}, received {values[name]!r} "
                f"({error})"
            ) from None
    if not isinstance(found.get(schema.WHERE, []), list):
        found[schema.WHERE] = [found[schema.WHERE]]
    if "policy" in values:
        found[schema.POLICY] = values["policy"]
    return found


def _recommend_one(values: Mapping[str, str], exact: bool) -> None:
    """Shows the answer to one request."""
    if "user" in values:
        directory = pathlib.Path(values["workdir"])
        recommender = pipeline.Recommender.load(
            directory / graph.BUNDLE.name, directory / graph.DATA.name
        )
        request = recommender.request(values["user"])
    else:
        recommender = pipeline.Recommender.load(values["bundle"])
        request = _read(pathlib.Path(values["request"]))
    notes = []
    request = request | _limits(values)
    if "k" in values:
        request = request | {schema.K: arguments.whole("k", values["k"])}
    bundle = recommender.bundle
    if "request" in values:
        notes += bundle.doubts(request)
    history = bundle.history(request)
    (answer,) = bundle.answer([request], exact)
    asked = request.get(schema.K)
    if asked is not None and asked > len(answer.video_ids):
        notes.append(
            f"{asked:,} recommendations asked for, {len(answer.video_ids):,} there "
            f"are: {bundle.manifest.facts['num_candidates']:,} candidates at most, and "
            f"none that the user watched"
        )
    latency = bundle.latency(request, exact)
    document = {"history": history, "latency_milliseconds": latency, "notes": notes}
    output.result(lambda: document | _answered(answer, bundle.meanings))
    _show(history, answer, bundle.meanings, latency)
    for note in notes:
        output.say(f"note: {note}")


def _answered(answer: Any, meanings: Mapping[str, str]) -> dict[str, Any]:
    """Returns the videos of an answer for `--json`."""
    columns = {schema.SCORE: answer.scores, **answer.more}
    videos = [
        {"rank": row + 1, "video_id": video, "title": answer.titles[row]}
        | {name: values[row] for name, values in columns.items()}
        for row, video in enumerate(answer.video_ids)
    ]
    meaning = {"score_meaning": meanings[schema.SCORE], "meanings": meanings}
    return meaning | {"videos": videos}


def _read(path: pathlib.Path) -> dict[str, Any]:
    from ytdnn.bundle import requests

    return requests.read(path)


def _show(
    history: list[dict[str, Any]],
    answer: Any,
    meanings: Mapping[str, str],
    latency: Mapping[str, float],
) -> None:
    console = rich.console.Console(width=_WIDTH)
    recent = history[::-1][:_MOST_HISTORY]
    watched = _table(f"Watched: last {len(recent)} of {len(history)}", "id", "title")
    for video in recent:
        watched.add_row(str(video["id"]), video["title"] or "")
    names = [name.replace("_", " ") for name in meanings]
    found = _table("Recommended", "rank", "id", "title", *names)
    columns = {schema.SCORE: answer.scores, **answer.more}
    for row, video in enumerate(answer.video_ids):
        said = (_shown(columns[name][row]) for name in meanings)
        found.add_row(str(row + 1), str(video), answer.titles[row] or "", *said)
    console.print(watched, found)
    for name, meaning in meanings.items():
        output.say(f"{name}: {meaning}")
    times = [f"{name} {ms:.2f} ms" for name, ms in latency.items()]
    output.say(f"latency: {', '.join(times)}")


def _shown(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"


def _table(title: str, *columns: str) -> rich.table.Table:
    table = rich.table.Table(title=title, title_justify="left", box=rich.box.SIMPLE)
    for name in columns:
        table.add_column(name, overflow="fold")
    return table
