"""`ytdnn recommend`: one request through a bundle, shown with titles and latency."""

import pathlib
from collections.abc import Mapping
from typing import Any

import rich.box
import rich.console
import rich.table

from ytdnn import errors, pipeline, schema
from ytdnn.cli import arguments, output
from ytdnn.pipeline import graph

Flag = arguments.Flag

FLAGS = (
    Flag("workdir", "Directory of a run; with --user.", example="DIR"),
    Flag("user", "A user_id of the event log, as given there.", example="USER_ID"),
    Flag("bundle", "Directory of a bundle; with --request.", example="DIR"),
    Flag("request", "JSON file of a request; with --bundle.", example="FILE.json"),
    Flag("k", "Number of recommendations; default: the request's, or 10.", example="N"),
    Flag(
        "index",
        "served: that of the run (default); exact: exact search, which needs no ScaNN.",
        example="served|exact",
    ),
)
_INDEXES = ("served", "exact")
_MOST_HISTORY = 10
_WIDTH = 88


def run(given: arguments.Arguments) -> None:
    """Runs the command.

    Raises:
      errors.UserError: Neither pair of flags is given, there is no such user, request
        or bundle, or the bundle was made from other data.
    """
    values = given.values
    pairs = [("workdir", "user"), ("bundle", "request")]
    chosen = [pair for pair in pairs if set(pair) & set(values)]
    if len(chosen) != 1 or not set(chosen[0]) <= set(values):
        raise errors.UserError(
            "expected --workdir and --user, or --bundle and --request "
            "(ytdnn recommend --help)"
        )
    exact = arguments.choice(given, "index", _INDEXES) == "exact"
    if chosen[0] == pairs[0]:
        directory = pathlib.Path(values["workdir"])
        recommender = pipeline.Recommender.load(
            directory / graph.BUNDLE.name, directory / graph.DATA.name
        )
        request = recommender.request(values["user"])
    else:
        recommender = pipeline.Recommender.load(values["bundle"])
        request = _read(pathlib.Path(values["request"]))
    notes = []
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
    _show(history, answer, bundle.score_meaning, bundle.latency(request, exact))
    for note in notes:
        output.say(f"note: {note}")


def _read(path: pathlib.Path) -> dict[str, Any]:
    from ytdnn.serving import requests

    return requests.read(path)


def _show(
    history: list[dict[str, Any]], answer: Any, score: str, latency: Mapping[str, float]
) -> None:
    console = rich.console.Console(width=_WIDTH)
    recent = history[::-1][:_MOST_HISTORY]
    watched = _table(f"Watched: last {len(recent)} of {len(history)}", "id", "title")
    for video in recent:
        watched.add_row(str(video["id"]), video["title"] or "")
    found = _table("Recommended", "rank", "id", "title", score)
    rows = zip(answer.video_ids, answer.titles, answer.scores, strict=True)
    for rank, (video, title, value) in enumerate(rows, 1):
        found.add_row(str(rank), str(video), title or "", f"{value:.4g}")
    console.print(watched, found)
    times = [f"{name} {ms:.2f} ms" for name, ms in latency.items()]
    output.say(f"latency: {', '.join(times)}")


def _table(title: str, *columns: str) -> rich.table.Table:
    table = rich.table.Table(title=title, title_justify="left", box=rich.box.SIMPLE)
    for name in columns:
        table.add_column(name, overflow="fold")
    return table
