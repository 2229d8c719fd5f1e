"""Requests of many users against those of one user after the other."""

import dataclasses
import pathlib

import numpy as np
import polars as pl
import pytest

from tests import full_log, planted
from ytdnn.base import schema
from ytdnn.bundle import batches, signatures, user_requests
from ytdnn.features import own_columns
from ytdnn.log import events, io_fields, prepared


@pytest.fixture(
    scope="module", params=["full", "shards", "integer ids", "watches alone"]
)
def data(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> prepared.PreparedData:
    directory: pathlib.Path = tmp_path_factory.mktemp("log")
    if request.param == "integer ids":
        return planted.prepared_data(directory, integer_ids=True)
    tables = full_log.tables()
    cold = tables["users"].head(1).with_columns(user_id=pl.lit("cold"))
    tables["users"] = pl.concat([tables["users"], cold])
    if request.param == "watches alone":
        tables = {"watches": tables["watches"]}
    if request.param == "shards":
        found = full_log.prepared_data(directory, tables, events_per_shard=500)
        assert len(found.log.shards) > 3
        return found
    return full_log.prepared_data(directory, tables)


def every_field(data: prepared.PreparedData) -> dict[str, signatures.Field]:
    """Returns all that any model can read of a request, and what no log knows."""
    found = io_fields.union(
        (
            io_fields.watched(data.catalogue),
            io_fields.watch_times(),
            io_fields.watched_seconds(),
        ),
        (io_fields.time(), io_fields.queries()),
        io_fields.shown(data.catalogue),
        io_fields.permitting(data.catalogue),
        *(f.fields(data.catalogue) for f in own_columns.readable(data)),
    )
    return {field.name: field for field in found}


def test_they_are_those_of_one_user_after_the_other(
    data: prepared.PreparedData,
) -> None:
    known = every_field(data)
    users = np.array([3, 0, data.num_users - 1, 7, 3], np.int32)
    names = data.users[schema.USER_ID].to_list()
    given = [user_requests.at_end(data, names[user]) for user in users.tolist()]
    one_by_one = batches.inputs(
        [{k: v for k, v in one.items() if k in known} for one in given], known
    )
    together = user_requests.LoggedRequests(data).inputs(users, known)
    assert set(together) == set(known)
    for name, field in known.items():
        expected = batches.tensors({name: one_by_one[name]}, known)[name]
        assert together[name].dtype == expected.dtype, name
        assert together[name].numpy().tolist() == expected.numpy().tolist(), name
        assert together[name].shape == expected.shape, field


def test_only_shards_of_the_users_are_read(data: prepared.PreparedData) -> None:
    opened: list[int] = []

    def seen(shard: events.LazyShard) -> events.LazyShard:
        def read() -> events.Shard:
            opened.append(shard.first_user)
            return shard.read()

        return dataclasses.replace(shard, read=read)

    shards = tuple(map(seen, data.log.shards))
    log = dataclasses.replace(data.log, shards=shards)
    logged = user_requests.LoggedRequests(data.with_log(log))
    known = every_field(data)
    logged.inputs(np.arange(2), known)  # reads all once, for the lengths and the time
    opened.clear()
    last = data.num_users - 1
    logged.inputs(np.array([last]), known)
    logged.watched(np.array([last]))
    assert set(opened) <= {shards[-1].first_user}
    # All events, joined.
    assert len(shards) == 1 or "shard" not in vars(logged.data)
