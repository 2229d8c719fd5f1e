"""A finished run: training, evaluation, bundles, requests, predictions."""

import json
from typing import Any

from tests.run.cli.tried import runner

Input = runner.Input
_ASK = "recommend --bundle=MADE/bundle --index=exact --request=LOG/request.json"
_DEEP = "[" * 100_000
_NOW = 1_700_000_000


def _request(what: str, content: Any, flags: str = "") -> Input:
    text = content if isinstance(content, str | bytes) else json.dumps(content)
    write = runner.named({"request.json": text})
    return Input(what, f"{_ASK} {flags}".strip(), write)


REQUESTS = (
    _request("an empty object", {}),
    _request("an empty file", ""),
    _request("a list", []),
    _request("a number", "7"),
    _request("null", "null"),
    _request("a comma too many", '{"k": 3,}'),
    _request("single quotes", "{'k': 3}"),
    _request("NaN", '{"age": NaN}'),
    _request("1e400", '{"age": 1e400}'),
    _request("a number of 5,000 digits", '{"k": ' + "9" * 5_000 + "}"),
    _request("100,000 brackets", _DEEP),
    _request("not UTF-8", b'{"country": "\xff"}'),
    _request("a key twice", '{"k": 1, "k": 2}'),
    _request("an unknown key", {"watched_videos": ["v1"]}),
    _request("k as text", {"k": "5"}),
    _request("k of 0", {"k": 0}),
    _request("k of -1", {"k": -1}),
    _request("k of 2.5", {"k": 2.5}),
    _request("k of 2^40", {"k": 2**40}),
    _request("k of 1,000,000", {"k": 1_000_000}),
    _request("k true", {"k": True}),
    _request("watched ids as one text", {"watched_video_ids": "v1"}),
    _request("watched ids as integers", {"watched_video_ids": [1]}),
    _request("a null among watched ids", {"watched_video_ids": ["v1", None]}),
    _request("watched ids that nobody knows", {"watched_video_ids": ["a", "b"]}),
    _request("a lone surrogate", '{"watched_video_ids": ["\\ud800"]}'),
    _request("100,000 watched ids", {"watched_video_ids": ["v1"] * 100_000}),
    _request(
        "times of another number", {"watched_video_ids": ["v1"], "watch_times": [1, 2]}
    ),
    _request(
        "times in milliseconds",
        {"watched_video_ids": ["v1"], "watch_times": [_NOW * 1000]},
    ),
    _request("the request's time in milliseconds", {"time": _NOW * 1000}),
    _request("a negative time", {"time": -5}),
    _request(
        "times not in order",
        {"watched_video_ids": ["v1", "v2"], "watch_times": [20, 10]},
    ),
    _request(
        "a watch after the request",
        {"watched_video_ids": ["v1"], "watch_times": [_NOW + 9], "time": _NOW},
    ),
    _request(
        "negative seconds", {"watched_video_ids": ["v1"], "watched_seconds": [-5.0]}
    ),
    _request("a country never seen", {"country": "XX"}),
    _request("a device never seen", {"device": "fridge"}),
    _request("an age of 400", {"age": 400}),
    _request("an age as text", {"age": "old"}),
    _request("logged_in as 2", {"logged_in": 2}),
    _request("a query of 1 MB", {"queries": ["cat " * 250_000]}),
    _request("an emoji as query", {"queries": ["🎸"]}),
    _request("--k above what there is", {}, "--k=5000"),
    _request("--k=-1", {}, "--k=-1"),
    _request("--k=0", {}, "--k=0"),
    _request("--k=x", {}, "--k=x"),
    _request("--k=٣", {}, "--k=٣"),
    _request("--index=flat", {}, "--index=flat"),
    Input("no request file", _ASK),
    Input("a directory as request", "recommend --bundle=MADE/bundle --request=LOG"),
    Input("no such bundle", "recommend --bundle=nowhere --request=r.json"),
    Input("data as a bundle", "recommend --bundle=MADE/data --request=r.json"),
    Input("a user there is", "recommend --workdir=MADE --user=u1 --index=exact"),
    Input("a user there is not", "recommend --workdir=MADE --user=u1x"),
    Input("no user", "recommend --workdir=MADE"),
    Input("an empty user", "recommend --workdir=MADE --user="),
    Input("workdir and bundle", "recommend --workdir=MADE --bundle=MADE/bundle"),
    Input("a run that is not there", "recommend --workdir=nowhere --user=u1"),
)


def _predictions(what: str, text: str | bytes, name: str = "peer.csv") -> Input:
    command = f"evaluate --predictions=LOG/{name} --workdir=MADE --out=RUN"
    return Input(what, command, runner.named({name: text}))


_HEAD = "user_id,video_id,score\n"
EVALUATION = (
    _predictions("predictions", _HEAD + "u1,v1,1\nu2,v2,1\n"),
    _predictions("predictions of unknown users", _HEAD + "x1,v1,1\n"),
    _predictions("predictions of unknown videos", _HEAD + "u1,x1,1\n"),
    _predictions("some predictions unknown", _HEAD + "u1,v1,1\nx,v1,1\nu1,x,2\n"),
    _predictions("a NaN score", _HEAD + "u1,v1,NaN\n"),
    _predictions("a missing score", _HEAD + "u1,v1,\n"),
    _predictions("a pair twice", _HEAD + "u1,v1,1\nu1,v1,2\n"),
    _predictions("predictions without score", "user_id,video_id\nu1,v1\n"),
    _predictions("predictions with semicolons", "user_id;video_id;score\nu1;v1;1\n"),
    _predictions("no rows of predictions", _HEAD),
    _predictions("an empty file of predictions", ""),
    _predictions("predictions as .txt", _HEAD, "peer.txt"),
    _predictions("text called Parquet", _HEAD, "peer.parquet"),
    _predictions("a file named popularity", _HEAD + "u1,v1,1\n", "popularity.csv"),
    Input("no predictions", "evaluate --predictions=no.csv --workdir=MADE --out=RUN"),
    Input("a bundle with k above the catalogue", "evaluate --bundle=MADE/bundle "
          "--data=MADE/data --out=RUN --k=5,5000"),
    Input("k of 0", "evaluate --workdir=COPY --k=0"),
    Input("k of -1", "evaluate --workdir=COPY --k=-1"),
    Input("k of x", "evaluate --workdir=COPY --k=x"),
    Input("another split", "evaluate --workdir=COPY --split=train"),
    Input("slices of an own column", "evaluate --workdir=COPY "
          "--config.evaluation.slices=segment"),
    Input("slices of nothing", "evaluate --workdir=COPY "
          "--config.evaluation.slices=nothing"),
    Input("predictions and bundle", "evaluate --predictions=a.csv --bundle=b"),
    Input("--out of a run", "evaluate --workdir=COPY --out=RUN"),
    Input("a comparison with nothing", "compare MADE nowhere"),
    Input("a comparison with itself", "compare MADE MADE"),
    Input("a condition that is none", "compare --fail_if=recall MADE MADE"),
)  # fmt: skip

TRAINING = (
    Input("train on nothing", "train --workdir=nowhere"),
    Input("a stage there is not", "train --workdir=COPY --stage=both"),
    Input("a learning rate of 1e30", "train --workdir=COPY --stage=candidates "
          "--config.candidates.training.learning_rate=1e30"),
    Input("the ranker's learning rate of 1e30", "train --workdir=COPY "
          "--stage=ranking --config.ranking.training.learning_rate=1e30"),
    Input("a batch of 2,000,000", "train --workdir=COPY --stage=candidates "
          "--config.candidates.training.batch_size=2000000"),
    Input("a ranker left out", "train --workdir=COPY "
          "--config.ranking.enabled=false"),
    Input("a feature that is none", "train --workdir=COPY "
          "--config.candidates.features.add=nothing"),
    Input("other data than prepared", "train --workdir=COPY --min_item_count=3"),
    Input("export of nothing", "export --workdir=nowhere"),
    Input("a table optimiser of no table", "train --workdir=COPY --stage=candidates "
          "--config.candidates.training.table_optimizers=nothing=adam"),
)  # fmt: skip


def _many(what: str, flags: str, **contents: Any) -> Input:
    """Returns a command for many users or videos, with files named NAME__SUFFIX."""
    files = {name.replace("__", "."): text for name, text in contents.items()}
    return Input(what, flags, runner.named(files))


_ALL = "recommend --workdir=MADE --users=all --out=RUN/recs.parquet --index=exact"
_SOME = "recommend --workdir=MADE --noranker --out=RUN/recs.csv"
_USERS = "user_id\nu1\nu2\n"
EVERYBODY = (
    _many("everybody into Parquet", _ALL),
    _many("everybody into CSV, without the ranker", f"{_SOME} --users=all"),
    _many("two users of a CSV", f"{_SOME} --users=LOG/u.csv", u__csv=_USERS),
    _many("two users of a text", f"{_SOME} --users=LOG/u.txt", u__txt="u1\n\nu2\n"),
    _many(
        "some users unknown, one twice",
        f"{_SOME} --users=LOG/u.txt",
        u__txt="u1\nx1\nu1\nx2\n",
    ),
    _many("users of whom none is known", f"{_SOME} --users=LOG/u.txt", u__txt="u1x\n"),
    _many("no file of users", f"{_SOME} --users=LOG/u.csv"),
    _many("an empty file of users", f"{_SOME} --users=LOG/u.csv", u__csv=""),
    _many("an empty text of users", f"{_SOME} --users=LOG/u.txt", u__txt="\n"),
    _many("a header without users", f"{_SOME} --users=LOG/u.csv", u__csv="user_id\n"),
    _many(
        "users without user_id", f"{_SOME} --users=LOG/u.csv", u__csv="user\nu1\nu2\n"
    ),
    _many("users as fractions", f"{_SOME} --users=LOG/u.csv", u__csv="user_id\n1.5\n"),
    _many("users as text called Parquet", f"{_SOME} --users=LOG/u.pq", u__pq=_USERS),
    _many("users in Latin-1", f"{_SOME} --users=LOG/u.txt", u__txt=b"caf\xe9\n"),
    _many("users as .tsv", f"{_SOME} --users=LOG/u.tsv", u__tsv=_USERS),
    _many("a directory of users", f"{_SOME} --users=LOG"),
    _many("--users without --out", "recommend --workdir=MADE --users=all"),
    _many("--out without --users", "recommend --workdir=MADE --out=RUN/recs.csv"),
    _many("--out with --user", "recommend --workdir=MADE --user=u1 --out=RUN/r.csv"),
    _many("--exclude with --user", "recommend --workdir=MADE --user=u1 --exclude=x"),
    _many("--noranker alone", "recommend --workdir=MADE --noranker"),
    _many(
        "everybody of nowhere",
        "recommend --workdir=nowhere --users=all --out=RUN/r.csv",
    ),
    _many("everybody of no run", "recommend --users=all --out=RUN/r.csv"),
    _many("out as .json", "recommend --workdir=MADE --users=all --out=RUN/recs.json"),
    _many("out as a directory", "recommend --workdir=MADE --users=all --out=LOG"),
    _many(
        "out below a file",
        "recommend --workdir=MADE --users=all --out=LOG/a.txt/recs.csv",
        a__txt="a",
    ),
    _many(
        "out over a file there is",
        "recommend --workdir=MADE --users=all --noranker --out=LOG/recs.csv",
        recs__csv="old",
    ),
    _many("everybody, k above what there is", f"{_ALL} --k=5000"),
    _many("candidates, k above what there is", f"{_SOME} --users=all --k=5000"),
    _many("everybody, k of 0", f"{_ALL} --k=0"),
    _many("everybody, k of x", f"{_ALL} --k=x"),
    _many("everybody by another index", f"{_SOME} --users=all --index=flat"),
    _many(
        "videos left out, one unknown",
        f"{_SOME} --users=all --exclude=LOG/x.txt",
        x__txt="v1\nvx\n",
    ),
    _many(
        "videos left out for each user, some unknown",
        f"{_ALL} --exclude=LOG/x.csv",
        x__csv="user_id,video_id\nu1,v1\nu2,vx\nux,v2\n",
    ),
    _many(
        "left out without video_id",
        f"{_SOME} --users=all --exclude=LOG/x.csv",
        x__csv="id\nv1\n",
    ),
    _many(
        "three videos allowed",
        f"{_SOME} --users=all --allow=LOG/x.txt",
        x__txt="v1\nv2\nv3\n",
    ),
    _many(
        "no video allowed that is known",
        f"{_SOME} --users=all --allow=LOG/x.txt",
        x__txt="w1\n",
    ),
    _many("no file of videos allowed", f"{_SOME} --users=all --allow=LOG/x.txt"),
    _many("similar videos", "similar --workdir=MADE --video=v1"),
    _many("similar to an unknown video", "similar --workdir=MADE --video=v1x"),
    _many("similar to one without vector", "similar --workdir=MADE --video=v29"),
    _many("similar, k above what there is", "similar --workdir=MADE --video=v1 --k=99"),
    _many("similar, k of 0", "similar --workdir=MADE --video=v1 --k=0"),
    _many("similar to nothing", "similar --workdir=MADE"),
    _many("similar to all, nowhere", "similar --workdir=MADE --all"),
    _many("similar to all", "similar --workdir=MADE --all --out=RUN/s.parquet"),
    _many("similar to one and all", "similar --workdir=MADE --all --video=v1"),
    _many(
        "similar to one, written", "similar --workdir=MADE --video=v1 --out=RUN/s.pq"
    ),
    _many("similar of no run", "similar --video=v1"),
    _many("vectors of users", "vectors --workdir=MADE --users=all --out=RUN/v.parquet"),
    _many(
        "vectors of videos", "vectors --bundle=MADE/bundle --videos=all --out=RUN/v.pq"
    ),
    _many("vectors as CSV", "vectors --workdir=MADE --users=all --out=RUN/v.csv"),
    _many("vectors of nobody", "vectors --workdir=MADE --out=RUN/v.parquet"),
    _many(
        "vectors of both",
        "vectors --workdir=MADE --users=all --videos=all --out=RUN/v.pq",
    ),
    _many("vectors nowhere", "vectors --workdir=MADE --users=all"),
    _many(
        "vectors of videos, one without",
        "vectors --workdir=MADE --videos=LOG/v.txt --out=RUN/v.pq",
        v__txt="v1\nv29\nvx\n",
    ),
)

GROUPS = {
    "Requests": REQUESTS,
    "Evaluation": EVALUATION,
    "Training": TRAINING,
    "Everybody, similar videos, vectors": EVERYBODY,
}
