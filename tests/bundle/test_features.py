"""The exported user tower and the trained one agree on every feature."""

import dataclasses

import hypothesis
import numpy as np
import polars as pl
import pytest
import tensorflow as tf
from hypothesis import strategies as st

from tests import full_log
from ytdnn import configs
from ytdnn.base import schema
from ytdnn.bundle import graphs, requests, saved_models, user_requests
from ytdnn.candidates import model, user_tower
from ytdnn.features.sequences import search_bag
from ytdnn.log import (
    lookups,
    prepared,
    raw_request,
    searches,
    shard_arrays,
    slice_batches,
)

LENGTH, SEARCHES = 6, 4
CONFIG = configs.CandidatesConfig(
    content=configs.ContentConfig(enabled=False),
    embedding_dim=8,
    tower=(16,),
    history_length=LENGTH,
    search_length=SEARCHES,
    features=configs.FeaturesConfig(add=("example_age", "request_time")),
)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return full_log.prepared_data(tmp_path_factory.mktemp("full"), full_log.tables())


def _build(config, data):
    """A model whose tables have large values, so that each feature counts."""
    candidate_model = model.build(config, data)
    for variable in candidate_model.user_tower.variables:
        if "table" in variable.name:
            variable.assign(tf.random.stateless_normal(variable.shape, [1, 2]))
    return candidate_model


def _export(candidate_model, data, directory):
    """The signature of the exported user tower, loaded again, and its inputs."""
    tower = graphs.UserTowerGraph(
        data, lookups.VideoIds(data.catalogue), candidate_model
    )
    fields = candidate_model.fields(data.catalogue)
    saved_models.save(saved_models.Model(tower, fields, ()), directory)
    return tf.saved_model.load(str(directory)), {field.name: field for field in fields}


@pytest.fixture(scope="module")
def exported(data, tmp_path_factory):
    candidate_model = _build(CONFIG, data)
    directory = tmp_path_factory.mktemp("exported") / "1"
    return candidate_model, *_export(candidate_model, data, directory)


def _vector(loaded, fields, request):
    known = {name: value for name, value in request.items() if name in fields}
    values = {
        name: tf.constant(value, tf.as_dtype(fields[name].dtype))
        for name, value in requests.parse(known, fields).items()
    }
    outputs = loaded.signatures["serving_default"](**values)
    return outputs[schema.USER_VECTOR][0].numpy()


def test_vectors_of_positions_are_those_of_their_raw_requests(data, exported):
    """Through queries as typed, in several scripts; device, state, time."""
    candidate_model, loaded, fields = exported
    log = user_tower.open_log(candidate_model.tower_inputs, data)
    firsts = np.arange(0, log.num_watches - 4, 61)
    batch = slice_batches.cut(log, tf.constant(firsts), 4, LENGTH, SEARCHES)
    batch["example_age"] *= 0.0  # as when serving
    expected = candidate_model.query_vectors(batch).numpy()
    seen = set()
    for row, first in enumerate(firsts):
        for column in range(4):
            position = int(first + column)
            user, time = data.watches.users[position], int(data.watches.times[position])
            request = user_requests.at_position(data, int(user), position, time)
            seen |= {name for name, value in request.items() if value not in ([], -1)}
            vector = _vector(loaded, fields, request)
            assert vector == pytest.approx(expected[row, column], abs=1e-5)
    assert seen >= set(fields)


def test_a_signature_has_what_the_model_reads(data, exported):
    _, _, fields = exported
    user = {schema.AGE, schema.GENDER, schema.COUNTRY}
    request = {schema.QUERIES, schema.DEVICE, schema.LOGGED_IN}
    times = {schema.TIME, schema.WATCH_TIMES}
    assert set(fields) == {schema.WATCHED_VIDEO_IDS} | user | request | times
    features = configs.FeaturesConfig(remove=("device", "age"))
    off = dataclasses.replace(CONFIG, search_length=0, features=features)
    found = {field.name for field in model.build(off, data).fields(data.catalogue)}
    assert found == set(fields) - {
        schema.AGE,
        schema.QUERIES,
        schema.DEVICE,
        schema.TIME,
        schema.WATCH_TIMES,
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (schema.QUERIES, ["guitar", "東京"]),
        (schema.DEVICE, "tv"),
        (schema.LOGGED_IN, True),
        (schema.AGE, 44.0),
        (schema.GENDER, "F"),
        (schema.COUNTRY, "JP"),
        (schema.TIME, 1_600_000_000),
    ],
)
def test_each_input_moves_the_vector_and_its_missing_value_does_not(
    exported, name, value
):
    _, loaded, fields = exported
    empty = _vector(loaded, fields, {})
    assert np.any(_vector(loaded, fields, {name: value}) != empty)
    field = fields[name]
    missing = [field.missing] * 3 if field.is_list else field.missing
    np.testing.assert_array_equal(_vector(loaded, fields, {name: missing}), empty)


@hypothesis.given(st.lists(st.text(max_size=12), min_size=1, max_size=SEARCHES))
@hypothesis.settings(deadline=None, max_examples=60)
def test_the_graph_finds_the_tokens_that_prepare_found(data, queries):
    frame = pl.DataFrame(
        {shard_arrays.USER: 0, schema.TIME: 0, shard_arrays.ROW: i, schema.QUERY: query}
        for i, query in enumerate(queries)
    )
    texts = searches.with_tokens(frame)["tokens"].to_list()
    found = [token for tokens in texts for token in tokens]
    vocabulary = pl.DataFrame(
        {prepared.TOKEN: sorted(set(found))}, {prepared.TOKEN: str}
    )
    places = {token: i for i, token in enumerate(vocabulary[prepared.TOKEN], 1)}
    catalogue = dataclasses.replace(data.catalogue, tokens=vocabulary)
    if not found:
        return
    request = {
        schema.QUERIES: tf.constant([queries]),
        schema.WATCHED_VIDEO_IDS: tf.constant([[""]]),
    }
    read = search_bag.SearchBag(CONFIG, len(vocabulary)).open_request(catalogue)
    videos = lookups.VideoIds(catalogue)
    # The graph's operations one by one: to compile each vocabulary takes a second.
    tokens = read(raw_request.Request(request, videos))[schema.SEARCH_TOKENS].numpy()
    assert tokens.tolist() == [[places[token] for token in found]]
