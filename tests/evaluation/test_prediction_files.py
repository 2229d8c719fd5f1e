"""Files of other systems: parsed, ranked, and scored as ranx scores them."""

import datetime
import pathlib
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
import ranx
from hypothesis import given
from hypothesis import strategies as st

from tests import random_input, refusals
from tests.evaluation import fakes
from ytdnn import configs
from ytdnn.base import errors
from ytdnn.base.metrics import exact_top_k
from ytdnn.evaluation import (
    external_systems,
    prediction_files,
    report_parts,
    user_cases,
)
from ytdnn.log import events, prepare, prepared

Split = events.Split
CONFIG = configs.EvaluationConfig(ks=(1, 3), num_resamples=20, baselines=())
NAMES = ("precision", "recall", "hit_rate", "map", "ndcg", "mrr")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> prepared.PreparedData:
    """Eight users with one to four answers each among nine videos."""
    rng = np.random.default_rng(3)
    rows, words = [], []
    for user in range(8):
        order = rng.permutation(9)
        num_answers = 1 + user % 4
        for place, video in enumerate(order[: 3 + num_answers].tolist()):
            rows.append((f"u{user}", f"v{video}", place))
            words.append("train" if place < 3 else "test")
    rows += [("other", f"v{v}", v) for v in range(9)]
    words += ["train"] * 8 + ["validation"]
    directory = tmp_path_factory.mktemp("predictions")
    return fakes.prepared_data(
        directory, rows, splits=words, protocol="split", vocabulary="all"
    )


@pytest.fixture(scope="module")
def cases(data: prepared.PreparedData) -> user_cases.Cases:
    return user_cases.cases(data, Split.TEST, CONFIG)


def _write(path: pathlib.Path, rows: list[tuple], suffix: str = ".csv") -> pathlib.Path:
    frame = pl.DataFrame(rows, ["user_id", "video_id", "score"], orient="row")
    path = path.with_suffix(suffix)
    if suffix == ".parquet":
        frame.write_parquet(path)
    else:
        frame.write_csv(path, separator="\t" if suffix == ".tsv" else ",")
    return path


_OF_TIES = 1e-3  # by video index; scores that differ do so by far more
_PAIRS = st.dictionaries(
    st.tuples(st.sampled_from([f"u{i}" for i in range(8)]), st.integers(0, 8)),
    st.sampled_from([0.0, 0.5, 1.0, 2.0]),  # few values: ties everywhere
    max_size=40,
)


@random_input.examples(60)
@given(_PAIRS, st.sampled_from([".csv", ".tsv", ".parquet"]))
def test_scores_of_a_file_are_those_of_ranx(
    data: prepared.PreparedData,
    cases: user_cases.Cases,
    tmp_path: pathlib.Path,
    pairs: dict[tuple[str, int], float],
    suffix: str,
) -> None:
    # Ties, users without a row, and users whose every row was watched before.
    rows = [(user, f"v{video}", score) for (user, video), score in pairs.items()]
    rows = [*rows, ("nobody", "v0", 1.0), ("u0", "nothing", -1.0)]
    path = _write(tmp_path / "peer", rows, suffix)
    read = prediction_files.parse(path, data)
    found = prediction_files.maker(read, data)(cases, 3)
    values = exact_top_k.metrics_at(found, *cases.targets, (1, 3))
    for name, value in _by_ranx(data, cases, rows).items():
        assert values[name].mean() == pytest.approx(value, abs=1e-6), name


def _by_ranx(
    data: prepared.PreparedData, cases: user_cases.Cases, rows: list[tuple]
) -> dict[str, float]:
    """Scores with ranx, ties broken before: its sort's own order is the processor's."""
    run: dict[str, dict[str, float]] = {}
    qrels: dict[str, dict[str, int]] = {}
    for row, user in enumerate(cases.users.tolist()):
        name = data.users["user_id"][user]
        answers = cases.targets.values[slice(*cases.targets.offsets[row : row + 2])]
        watched = cases.watched.values[slice(*cases.watched.offsets[row : row + 2])]
        qrels[name] = {str(v): 1 for v in answers.tolist()}
        own = [
            (fakes.index_of(data, video), score)
            for of, video, score in rows
            if of == name and fakes.index_of(data, video) not in watched
        ]
        # ranx knows no empty list: one that holds a video of nobody.
        run[name] = {str(v): s - v * _OF_TIES for v, s in own} or {"none": 0.0}
    names = [f"{name}@{k}" for name in NAMES for k in (1, 3)]
    return ranx.evaluate(ranx.Qrels(qrels), ranx.Run(run), names, threads=1)


def test_a_file_is_ranked_by_score_without_what_was_watched(
    tmp_path: pathlib.Path,
) -> None:
    watches = [("u0", v, t) for t, v in enumerate("abcd")]
    watches += [("u1", v, t) for t, v in enumerate("dcba")]
    data = fakes.prepared_data(
        tmp_path, watches, protocol="leave_one_out", vocabulary="all"
    )
    cases = user_cases.cases(data, Split.TEST, CONFIG)
    rows = [
        ("u0", "a", 9.0),  # watched: not in the list
        ("u0", "unknown", 5.0),  # keeps its place, hits nothing
        ("u0", "d", 1.0),
        ("nobody", "d", 1.0),
    ]
    read = prediction_files.parse(_write(tmp_path / "peer", rows), data)
    found = prediction_files.maker(read, data)(cases, 3)
    assert found.tolist() == [[0, fakes.index_of(data, "d"), 0], [0, 0, 0]]
    counts = {"rows": 4, "of_other_users": 1, "out_of_vocabulary": 1}
    made = report_parts.PredictionCounts(users_without=1, **counts)
    assert prediction_files.describe(read, data, cases) == made
    ranked = read.frame.with_columns(rank=-pl.col("score")).drop("score")
    ranked.write_parquet(tmp_path / "ranked.parquet")
    same = prediction_files.parse(tmp_path / "ranked.parquet", data)
    assert prediction_files.maker(same, data)(cases, 3).tolist() == found.tolist()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("user_id,score\nu1,1\n", "expected columns user_id, video_id, score in"),
        ("user_id;video_id;score\nu1;v1;high\n", "expected score to be a number"),
        ("user_id,video_id,score\nu1,v1,inf\n", "found 'inf' in row 1 of"),
        ("user_id,video_id,score\nu1,v1,\n", "expected score to be a number"),
        (
            "user_id,video_id,score\nu1,v1,1\nu2,v1,1\nu1,v1,2\n",
            "expected video_id to be each video once for a user, found 'v1' in row 1",
        ),
        ("user_id,video_id,score\n,v1,1\n", "expected user_id to be text"),
        ("", "found a damaged or unsuitable file (empty CSV)"),
    ],
)
def test_a_bad_file_is_one_line(
    data: prepared.PreparedData, tmp_path: pathlib.Path, text: str, line: str
) -> None:
    path = tmp_path / "peer.csv"
    path.write_text(text)
    assert line in refusals.line(prediction_files.parse, path, data)
    nested = {"user_id": ["u1"], "video_id": ["v1"], "score": [[1.0]]}
    pl.DataFrame(nested).write_parquet(tmp_path / "nested.parquet")
    with pytest.raises(errors.UserError, match="cannot cast List"):
        prediction_files.read(tmp_path / "nested.parquet", data)
    dates = nested | {"score": [datetime.date(2024, 1, 1)]}
    pl.DataFrame(dates).write_parquet(tmp_path / "dates.parquet")
    with pytest.raises(errors.UserError, match="expected score to be a number"):
        prediction_files.read(tmp_path / "dates.parquet", data)


@random_input.examples(80)
@given(st.binary(max_size=200), st.sampled_from([".csv", ".tsv", ".parquet", ".txt"]))
def test_any_bytes_are_read_or_refused_in_one_line(
    data: prepared.PreparedData, tmp_path: pathlib.Path, content: bytes, suffix: str
) -> None:
    path = tmp_path / f"peer{suffix}"
    path.write_bytes(b"user_id,video_id,score\n" + content)
    message = ""
    try:
        prediction_files.parse(path, data)
    except errors.UserError as error:
        message = str(error)
    assert "\n" not in message


def test_a_file_gets_a_whole_report(
    data: prepared.PreparedData, tmp_path: pathlib.Path
) -> None:
    path = _write(tmp_path / "peer", [("u0", f"v{v}", float(v)) for v in range(9)])
    other = prediction_files.read(path, data)
    result = external_systems.evaluate(other, data, CONFIG, "test")
    report = result.report
    assert report.name == "peer"
    assert set(result.inputs) == {"data", "predictions"}
    assert list(report.lists) == ["popularity", "peer"]
    assert report.protocol.predictions is not None
    assert report.protocol.predictions.users_without == 7
    assert result.users["peer/recall@3"].len() == 8


@pytest.mark.slow
def test_implicits_als_on_movielens_100k_is_scored(
    tmp_path: pathlib.Path, shared_data: Callable[[str], pathlib.Path]
) -> None:
    """A peer's predictions, made by the peer itself."""
    source = shared_data("ml-100k")
    als = pytest.importorskip("implicit.als", reason="needs implicit: pip extra dev")
    sparse = pytest.importorskip("scipy.sparse")
    config = configs.DataConfig(
        source="movielens", dir=str(source), protocol="leave_one_out"
    )
    data = prepare.prepare(config, tmp_path / "data")
    is_test = np.asarray(data.watches.splits) == Split.TEST
    known = (np.asarray(data.watches.videos) > 0) & ~is_test
    rows, columns = data.watches.users[known], data.watches.videos[known] - 1
    shape = (data.num_users, data.num_videos)
    matrix = sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), shape)
    model = als.AlternatingLeastSquares(
        factors=64, iterations=10, alpha=10.0, random_state=0
    )
    model.fit(matrix, show_progress=False)
    ids, scores = model.recommend(np.arange(data.num_users), matrix, N=100)
    frame = pl.DataFrame(
        {
            "user_id": data.users["user_id"].gather(
                np.repeat(np.arange(data.num_users), 100)
            ),
            "video_id": data.videos["video_id"].gather(ids.ravel()),
            "score": scores.ravel(),
        }
    )
    path = tmp_path / "als.parquet"
    frame.write_parquet(path)
    report = external_systems.evaluate(
        prediction_files.read(path, data), data, configs.EvaluationConfig(), "test"
    ).report
    of_als = report.lists["als"].values["hit_rate@10"]
    of_popularity = report.lists["popularity"].values["hit_rate@10"]
    print(f"HR@10: implicit ALS {of_als:.4f}, popularity {of_popularity:.4f}")
    assert 0.09 < of_als < 0.16  # DESIGN §5: 0.115
    assert of_als > of_popularity
