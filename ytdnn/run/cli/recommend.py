"""`ytdnn recommend`: shows the answer to one request, or writes many to a file."""

import json
import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ytdnn.base import configs, errors, schema
from ytdnn.run import pipeline
from ytdnn.run.cli import bulk_commands, command, flags, output
from ytdnn.run.pipeline import bulk_answers, candidate_model_answers, workdir

if TYPE_CHECKING:
    from ytdnn.run.pipeline import shared_machines

Flag = command.Flag

_ENGINE_FLAGS = flags.engine_flags("makes lists of many users")
_EXAMPLES = {  # of the flags that take JSON
    "where": '[{"column": "language", "in": ["en"]}]',
    "max_per": '{"channel_id": 2}',
    "weights": '{"watch_seconds": 1, "liked": 30, "disliked": -200}',
}
_FLAGS = (
    Flag("workdir", "A run, with its bundle and prepared set.", example="DIR"),
    Flag("bundle", "A bundle, instead of a run.", example="DIR"),
    Flag("user", "A user_id of the event log.", example="USER_ID"),
    Flag("request", "JSON file of a request.", example="FILE.json"),
    Flag("users", "all, or a file of users by user_id; with --out.", "", "all|FILE"),
    Flag(
        "out",
        "File of recommendations, a row for each user and rank.",
        example="FILE.parquet|FILE.csv",
    ),
    Flag("k", "Number of recommendations; default: the request's, or 10.", example="N"),
    Flag(
        "index",
        "served (default): the index of the run; exact: exact search, the default for "
        "--users without the ranker.",
        example="served|exact",
    ),
    Flag(
        "ranker",
        "With --users; --noranker lists the best candidates, many times faster.",
        is_switch=True,
    ),
    Flag(
        "exclude",
        "With --users; file of videos to leave out, by video_id; with a column user_id "
        "for that user only.",
        example="FILE",
    ),
    Flag("allow", "With --users; file of the only videos allowed.", example="FILE"),
    Flag("where", f"Conditions on videos, as {_EXAMPLES['where']}.", example="JSON"),
    Flag("policy", "Name of conditions saved in the bundle.", example="NAME"),
    Flag(
        "max_per",
        f"Most videos for each value of a column, as {_EXAMPLES['max_per']}.",
        example="JSON",
    ),
    Flag(
        "weights",
        f"Weights of predicted outcomes in the order, as {_EXAMPLES['weights']}.",
        example="JSON",
    ),
    *_ENGINE_FLAGS,
)
_MANY_FLAGS = (
    *("users", "out", "ranker", "exclude", "allow"),
    *(flag.name for flag in _ENGINE_FLAGS),
)
_K = 10
_MOST_HISTORY = 10


def _run(given: command.Arguments) -> None:
    """Recommend videos for a user or a request, or for all users into a file.

    With --user, reads the user's history from the prepared set and queries the bundle.
    With --request, a JSON object with the keys listed in the bundle's manifest, needs
    only the bundle. With --users and --out, recommends to all users of the log, or
    those of a file, in batches, and writes user_id, rank, video_id, title and score;
    the file appears once it is complete.

    Examples:
      ytdnn recommend --workdir=runs/mine --user=42
      ytdnn recommend --bundle=runs/mine/bundle --request=request.json
      ytdnn recommend --workdir=runs/mine --users=all --k=50 --out=recs.parquet
      ytdnn recommend --workdir=runs/mine --users=all --noranker --out=recs.csv
    """
    values = given.values
    if "workdir" in values:
        directory = pathlib.Path(values["workdir"])
        config = workdir.read_config(directory)
        if config is not None and not config.candidates.is_network:
            _recommend_by_model(values, directory, config)
            return
    index = command.choice(given, "index", ("served", "exact"))
    typed = [name for name in _MANY_FLAGS if name in values]
    if typed:
        _require_many(values, typed[0])
        _recommend_many(values, index, flags.machines(given))
        return
    pairs = {"workdir", "bundle"}, {"user", "request"}
    if any(len(pair & set(values)) != 1 for pair in pairs):
        raise errors.UserError(
            f"expected --workdir or --bundle, with --user, --request, or --users and "
            f"--out, received {', '.join(f'--{name}' for name in values) or 'none'} "
            f"(ytdnn recommend --help)"
        )
    _recommend_one(values, index == "exact")


def _require_many(values: Mapping[str, str], typed: str) -> None:
    """Checks the flags of recommendations that are written to a file."""
    name = f"no{typed}" if values[typed] == "False" else typed
    for other in ("user", "request"):
        if other in values:
            raise errors.UserError(
                f"--{name} is for --users=all|FILE, which writes to --out=FILE, "
                f"received --{other}, which prints one slate: leave one out"
            )
    for needed, value in (("users", "all|FILE"), ("out", "FILE.parquet|FILE.csv")):
        if needed not in values:
            raise errors.UserError(
                f"expected --{needed}={value} with --{name}, received none (ytdnn "
                f"recommend --help)"
            )


def _recommend_by_model(
    values: Mapping[str, str], directory: pathlib.Path, config: configs.Config
) -> None:
    """Answers by a candidate model other than the network, which has no bundle.

    Raises:
      errors.UserError: A flag needs a bundle, or a user is unknown.
    """
    allowed = {"workdir", "user", "users", "out", "k", command.JSON.name}
    bad = [name for name in values if name not in allowed]
    if (
        bad
        or ("user" in values) == ("users" in values)
        or (("users" in values) != ("out" in values))
    ):
        raise errors.UserError(
            f"expected --user, or --users and --out, with candidates.model="
            f"{config.candidates.model.kind}, which has no bundle, received "
            f"{', '.join(f'--{name}' for name in bad) or 'others'}"
        )
    k = command.whole("k", values.get("k", str(_K)))
    users = (
        [values["user"]] if "user" in values else bulk_commands.named(values["users"])
    )
    if "out" in values:
        bulk_answers.output_path(values["out"], users)
    lists = candidate_model_answers.recommend(directory, config, users, k)
    if "out" in values:
        path = candidate_model_answers.write(lists, pathlib.Path(values["out"]))
        output.result(lambda: {"path": path, "num_rows": lists.height})
        output.say(f"{path}: {lists.height:,} rows")
        return
    output.result(lambda: {"videos": lists.to_dicts()})
    output.table("Recommended", lists.columns, lists.iter_rows())


def _recommend_many(
    values: Mapping[str, str], index: str, machines: "shared_machines.Machines | None"
) -> None:
    recommender = bulk_commands.load_recommender(values, "recommend")
    with bulk_commands.progress_bar("recommendations", "users") as shown:
        written = pipeline.write_recommendations(
            recommender,
            values["out"],
            bulk_commands.named(values["users"]),
            command.whole("k", values.get("k", str(_K))),
            ranker=values.get("ranker", "True") == "True",
            index=index,
            exclude=_file(values, "exclude"),
            allow=_file(values, "allow"),
            **_limits(values),
            machines=machines,
            progress=shown,
        )
    bulk_commands.show(written, "user")


def _file(values: Mapping[str, str], name: str) -> pathlib.Path | None:
    return pathlib.Path(values[name]) if name in values else None


def _limits(values: Mapping[str, str]) -> dict[str, Any]:
    """Returns the given ones of --where, --policy, --max_per and --weights."""
    limits: dict[str, Any] = {}
    for name in _EXAMPLES.keys() & values:
        try:
            limits[name] = json.loads(
                values[name], object_pairs_hook=errors.unique_keys
            )
        except ValueError as error:
            raise errors.UserError(
                f"expected --{name} as JSON, {_EXAMPLES[name]}, received "
                f"{values[name]!r} ({error})"
            ) from None
    if isinstance(limits.get(schema.WHERE), dict):
        limits[schema.WHERE] = [limits[schema.WHERE]]
    if "policy" in values:
        limits[schema.POLICY] = values["policy"]
    return limits


def _recommend_one(values: Mapping[str, str], exact: bool) -> None:
    """Shows the answer to one request."""
    notes = []
    recommender = bulk_commands.load_recommender(values, "recommend")
    from ytdnn.bundle import requests, single_signature_run

    opened = recommender.bundle
    bundle = single_signature_run.OneAnswerBundle(opened.directory, opened.manifest)
    if "user" in values:
        request = recommender.request(values["user"])
    else:
        request = requests.read(pathlib.Path(values["request"]))
    limits = _limits(values)
    request = request | limits
    if "k" in values:
        request = request | {schema.K: command.whole("k", values["k"])}
    notes += bundle.warnings(request if "request" in values else limits)
    history = bundle.history(request)
    (answer,) = bundle.answer([request], exact)
    k = _K if request.get(schema.K) is None else request[schema.K]
    if k > len(answer.video_ids):
        notes.append(
            f"{k:,} recommendations asked for, {len(answer.video_ids):,} there "
            f"are: {bundle.manifest.facts['num_candidates']:,} candidates at most, "
            f"none that the user watched, or that conditions, lists and caps leave out"
        )
    output.result(lambda: {"history": history} | _document(answer, bundle.meanings))
    _show(history, answer, bundle.meanings)
    for note in notes:
        output.say(f"note: {note}")
    place = next(
        f"--{name}={values[name]}" for name in ("workdir", "bundle") if name in values
    )
    output.say(
        f"further answers take milliseconds: ytdnn serve {errors.shell(place)}, or "
        f"ytdnn.Recommender in Python"
    )


def _document(answer: Any, meanings: Mapping[str, str]) -> dict[str, Any]:
    """Returns the videos of an answer for `--json`."""
    columns = {schema.SCORE: answer.scores, **answer.more}
    videos = [
        {"rank": row + 1, "video_id": video, "title": answer.titles[row]}
        | {name: values[row] for name, values in columns.items()}
        for row, video in enumerate(answer.video_ids)
    ]
    meaning = {"score_meaning": meanings[schema.SCORE], "meanings": meanings}
    return meaning | {"videos": videos}


def _show(
    history: list[dict[str, Any]], answer: Any, meanings: Mapping[str, str]
) -> None:
    """Prints the history, the videos and what their numbers mean."""
    recent = history[::-1][:_MOST_HISTORY]
    title = f"Watched: last {len(recent)} of {len(history)}"
    watched = [(video["id"], video["title"] or "") for video in recent]
    output.table(title, ("id", "title"), watched)
    columns = {schema.SCORE: answer.scores, **answer.more}
    rows = [
        (row + 1, video, answer.titles[row] or "", *(columns[n][row] for n in meanings))
        for row, video in enumerate(answer.video_ids)
    ]
    names = (name.replace("_", " ") for name in meanings)
    output.table("Recommended", ("rank", "id", "title", *names), rows)
    for name, meaning in meanings.items():
        output.say(f"{name}: {meaning}")


COMMAND = command.from_function("recommend", _run, _FLAGS)
