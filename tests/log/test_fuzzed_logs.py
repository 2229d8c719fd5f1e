"""Random logs within and beyond the schema's types: a line or a set, every row counted.

A log ends in one line, or in a prepared set whose facts account for every row and whose
numbers are finite.
"""

import json
import pathlib
import tempfile
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ytdnn import configs
from ytdnn.base import errors, schema, table_schemas
from ytdnn.evaluation import prepare_summary
from ytdnn.log import prepare, prepared
from ytdnn.run.cli import main

_START = 1_700_000_000
_WORDS = st.sampled_from(["a", "b", "", "tv", "Ünï", "a,b", 'a"b', "a\nb", "🎸", "NaN"])
_NUMBERS = st.one_of(
    st.integers(0, 100),
    st.floats(0, 1e3),
    st.sampled_from([-1, 1e30, -1e30, float("nan"), float("inf"), 1e300]),
)
_TIMES = st.integers(_START, _START + 100_000)
_STRANGE_TIMES = st.sampled_from([0, -1, 10**12, 10**15, 10**18, 2**62, 32_472_144_000])
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "id": st.integers(0, 4),
    "time": st.one_of(_TIMES, _TIMES, _TIMES, _TIMES, _TIMES, _STRANGE_TIMES),
    "integer": st.integers(-2, 9),
    "number": _NUMBERS,
    "boolean": st.booleans(),
    "text": _WORDS,
}
_OTHER = st.one_of(_WORDS, _NUMBERS, st.booleans(), _TIMES)
_FORMS = ("as it is", "as text", "as floats", "as other values")


@st.composite
def _column(draw: st.DrawFn, column: table_schemas.Column, size: int) -> pl.Series:
    """Draws a column: mostly of its kind, with gaps; at times of another type."""
    form = draw(st.sampled_from(_FORMS[:1] * 60 + _FORMS[1:]))
    values = _VALUES[column.kind] if form != "as other values" else _OTHER
    if column.choices:
        values = st.one_of(st.sampled_from(column.choices), values)
    gaps = draw(st.integers(0, 9)) == 0
    with_gaps = st.one_of(values, st.none()) if gaps else values
    cells = draw(st.lists(with_gaps, min_size=size, max_size=size))
    if form == "as text" or len({type(c) for c in cells if c is not None}) > 1:
        cells = [c if c is None else str(c) for c in cells]
    series = pl.Series(column.name, cells, strict=False)
    is_whole = series.dtype.is_integer() or series.dtype == pl.Boolean
    if form == "as floats" and is_whole:
        return series.cast(pl.Float64)
    return series


@st.composite
def _table(draw: st.DrawFn, table: table_schemas.TableSchema) -> pl.DataFrame:
    size = draw(st.integers(0, 12) if table.key else st.integers(1, 12))
    columns = [
        draw(_column(column, size))
        for column in table.columns
        if column.required or draw(st.integers(0, 2)) == 0
    ]
    if table.key and draw(st.booleans()):  # legal keys
        columns[0] = pl.Series(table.key, list(range(size)))
    if draw(st.integers(0, 4)) == 0:
        columns.append(
            pl.Series("own", draw(st.lists(_WORDS, min_size=size, max_size=size)))
        )
    return pl.DataFrame(columns)


@st.composite
def logs(draw: st.DrawFn) -> dict[str, pl.DataFrame]:
    """Draws watches, and some of the other tables."""
    names = [schema.WATCHES]
    names += [n for n in list(table_schemas.TABLES)[1:] if draw(st.integers(0, 2)) == 0]
    return {name: draw(_table(table_schemas.TABLES[name])) for name in names}


_CONFIGS = st.builds(
    configs.DataConfig,
    source=st.just("log"),
    bad_rows=st.sampled_from(["drop", "drop", "stop"]),
    protocol=st.sampled_from(["temporal", "leave_one_out", "leave_one_out", "split"]),
    order_by=st.sampled_from(["time", "time", "order"]),
    vocabulary=st.sampled_from(["train", "all"]),
    where=st.sampled_from(["", "", "", "", "", "time > 1700000500", "nothing = 1"]),
    min_item_count=st.sampled_from([1, 1, 2]),
    min_user_count=st.sampled_from([1, 1, 2]),
    clicks_are_watches=st.sampled_from([False, False, False, True]),
    page_gap_seconds=st.sampled_from([0.0, 60.0]),
    min_watch_seconds=st.sampled_from([0.0, 0.0, 10.0]),
    test_fraction=st.sampled_from([0.1, 0.4]),
)


def _write(directory: pathlib.Path, log: dict[str, pl.DataFrame], as_csv: bool) -> None:
    for name, table in log.items():
        if as_csv:
            table.write_csv(directory / f"{name}.csv")
        else:
            table.write_parquet(directory / f"{name}.parquet")


def _require_all_counted(
    data: prepared.PreparedData, log: dict[str, pl.DataFrame]
) -> None:
    """Every row given is in the set, or counted where it was left out."""
    facts = data.manifest.facts
    for table, frame in log.items():
        dropped = sum(
            count
            for reason, count in facts["bad_rows"].items()
            if reason.startswith(f"{table}.")
        )
        by_where = 0
        for note in facts["notes"].get(table, ()):
            if note.endswith("left out by --where"):
                by_where = int(note.split()[1].replace(",", ""))
        assert facts["rows"][table] + dropped + by_where == frame.height, table
    clicks = 0
    if data.config.clicks_are_watches:
        clicks = int(np.asarray(data.impressions.clicked).sum())
    left_out = facts["left_out"].get(schema.WATCHES, 0)
    assert facts["watches"] + left_out - clicks == facts["rows"]["watches"] or left_out


_MAY_BE_MISSING = (
    "impression_scores",
    "impression_propensities",
    "impression_outcomes",
)


def _require_finite(data: prepared.PreparedData) -> None:
    json.dumps(data.manifest.facts, allow_nan=False)
    for path in (data.directory / "shards").rglob("*.npy"):
        array = np.load(path)
        may_be_missing = path.stem in _MAY_BE_MISSING
        if array.dtype.kind == "f" and not may_be_missing:
            assert np.isfinite(array).all(), path.stem


def _try(
    log: dict[str, pl.DataFrame], config: configs.DataConfig, as_csv: bool
) -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        _write(directory, log, as_csv)
        config = configs.component(
            configs.DataConfig, configs.to_dict(config) | {"dir": str(directory)}
        )
        try:
            data = prepare.prepare(config, directory / "data")
        except errors.UserError:  # one line always
            return
        _require_all_counted(data, log)
        _require_finite(data)
        assert prepare_summary.lines(data)


@settings(max_examples=40)
@given(logs(), _CONFIGS, st.booleans())
def test_a_random_log_is_prepared_or_refused_in_a_line(
    log: dict[str, pl.DataFrame], config: configs.DataConfig, as_csv: bool
) -> None:
    _try(log, config, as_csv)


_TINY = (
    "--config.candidates.embedding_dim=4",
    "--config.candidates.tower=4",
    "--config.candidates.training.epochs=1",
    "--config.ranking.tower=4",
    "--config.ranking.training.epochs=1",
    "--config.evaluation.num_resamples=20",
    "--k=3",
)


@pytest.mark.slow
@pytest.mark.timeout(14_400)
@settings(max_examples=200)
@given(logs(), st.sampled_from(["temporal", "leave_one_out"]))
def test_two_hundred_random_logs_the_whole_way(
    log: dict[str, pl.DataFrame], protocol: str
) -> None:
    with tempfile.TemporaryDirectory() as name:
        _write(pathlib.Path(name), log, as_csv=False)
        flags = (f"--data_dir={name}", f"--workdir={name}/run", "--bad_rows=drop")
        flags += (f"--protocol={protocol}", "--source=log")
        assert main.main(["run", *flags, *_TINY]) in (0, 2)
