"""Values of wrong types in a notebook: a `UserError` of one line each."""

import pathlib
from typing import Any

import polars as pl
import pytest

import ytdnn
from tests import refusals

ODD: tuple[Any, ...] = (
    *(5, -1, 1.5, True, b"x", object(), [], ["x"], {}, {"a": 1}, ()),
    *(pl.DataFrame(), range(3)),
)
CALLS = {
    "prepare": lambda workdir, config: ytdnn.prepare(workdir, config),
    "train": lambda workdir, config: ytdnn.train(workdir, config),
    "evaluate": lambda workdir, config: ytdnn.evaluate(workdir, config),
    "export": lambda workdir, config: ytdnn.export(workdir, config),
    "refit": lambda workdir, config: ytdnn.refit(workdir, config),
}


def _refused(call: Any, *given: Any) -> None:
    assert ", received " in refusals.line(call, *given)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("odd", ODD, ids=lambda odd: type(odd).__name__)
def test_a_config_of_another_type_is_refused(
    name: str, odd: Any, tmp_path: pathlib.Path
) -> None:
    _refused(CALLS[name], tmp_path / "run", odd)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("odd", [None, *ODD], ids=lambda odd: type(odd).__name__)
def test_a_path_of_another_type_is_refused(name: str, odd: Any) -> None:
    _refused(CALLS[name], odd, None)


@pytest.mark.parametrize("odd", [None, *ODD], ids=lambda odd: type(odd).__name__)
def test_a_bundle_of_another_type_is_refused(odd: Any) -> None:
    _refused(ytdnn.Recommender.load, odd)


def test_machines_and_progress_of_another_type_are_refused(
    tmp_path: pathlib.Path,
) -> None:
    with pytest.raises(ytdnn.UserError, match=r"machines of prepare.*received 3"):
        ytdnn.prepare(tmp_path, machines=3)
    named = type("Recommender", (), {})()
    with pytest.raises(ytdnn.UserError, match=r"progress of write_sim.*received 3"):
        ytdnn.write_similar(named, tmp_path / "o.csv", progress=3)


@pytest.mark.parametrize("tables", [*ODD, {"watches": [1, 2]}, {"watches": None}])
def test_tables_that_are_none_are_refused(tables: Any, tmp_path: pathlib.Path) -> None:
    with pytest.raises(ytdnn.UserError, match=r"expected .*received"):
        ytdnn.prepare(tmp_path, tables=tables)
    assert not (tmp_path / "data").exists()
