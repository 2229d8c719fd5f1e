"""TensorFlow Serving's REST API: the forms of its page "RESTful API"."""

import json
from typing import Any

import numpy as np
import pytest

from tests.ops.server import conftest
from ytdnn.base import schema
from ytdnn.bundle import batches, bundle, signatures
from ytdnn.ops.server import predict, settings

MODEL = conftest.MODEL
REQUIRED = {"signature_name": "serving_required"}
ROW = {"watched_video_ids": ["v1", "v2"], "k": 3}
SEVERAL = {
    "tag": signatures.Field("tag", "string", "batch", "", ""),
    "signal": signatures.Field("signal", "int64", "batch, length", 0, ""),
}
LIMITS = settings.Limits()


def test_the_documented_forms_of_several_inputs() -> None:
    """The page's example, rows and columns, is one request."""
    rows = [
        {"tag": "foo", "signal": [1, 2, 3, 4, 5]},
        {"tag": "bar", "signal": [3, 4, 1, 2, 5]},
    ]
    columns = {"tag": ["foo", "bar"], "signal": [[1, 2, 3, 4, 5], [3, 4, 1, 2, 5]]}
    by_row = predict.parse({"instances": rows}, SEVERAL, LIMITS)
    by_column = predict.parse({"inputs": columns}, SEVERAL, LIMITS)
    assert by_row.rows == by_column.rows == rows


ERRORS = [
    ("{", "expected a body of JSON: line 1, column 2"),
    ("[1]", "expected a JSON object, received [1]"),
    ({}, "expected one of the keys instances and inputs"),
    ({"instances": [ROW], "inputs": {}}, "expected one of the keys instances and"),
    ({"instances": []}, "expected 1 to 256 rows, received 0"),
    ({"instances": [ROW] * 257}, "expected 1 to 256 rows, received 257"),
    ({"instances": 3}, "expected a list of instances, received 3"),
    ({"instances": [ROW, 1]}, "expected an object as item 1 of instances"),
    ({"instances": [ROW | {"watched": []}]}, "did you mean watched_video_ids?"),
    ({"instances": [ROW, ROW | {"k": "3"}]}, "row 1: expected an integer"),
    ({"instances": [ROW | {"k": 1.5}]}, "expected an integer in request key k"),
    ({"instances": [ROW | {"k": 10**30}]}, "integer of 0 to 2,147,483,647"),
    ({"instances": [ROW | {"k": 1_001}]}, "expected k to be at most 1,000"),
    ({"instances": [ROW | {"watched_video_ids": "v1"}]}, "expected a list in"),
    ({"instances": [ROW | {"watched_video_ids": [1]}]}, "position 0, received 1"),
    ({"inputs": [1, 2]}, "expected an object of inputs, received [1, 2]"),
    ({"inputs": {"k": [], "watched_video_ids": []}}, "expected 1 to 256 rows"),
    (
        {"inputs": {"k": [1, 2], "watched_video_ids": [["v1"]]}},
        "lists with a value a row, received k 2 rows, watched_video_ids 1 rows",
    ),
    ({"inputs": {"k": 1, "watched_video_ids": []}}, "received k 1, watched_video"),
    ({"signature": "x", "instances": [ROW]}, "signature_name, instances, inputs in a"),
    ({"signature_name": 3, "instances": [ROW]}, "expected signature_name to be text"),
    ({"signature_name": "foo", "instances": [ROW]}, "received foo"),
]


@pytest.mark.parametrize(("body", "expected"), ERRORS)
def test_errors_are_one_line(server: conftest.Server, body: Any, expected: str) -> None:
    answer = server.client.post(
        f"/v1/models/{MODEL}:predict?trace=1",  # a query is not read
        content=body if isinstance(body, str) else json.dumps(REQUIRED | body),
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 400
    assert list(answer.json()) == ["error"]
    assert expected in answer.json()["error"]
    assert "\n" not in answer.json()["error"]


@pytest.mark.parametrize(
    ("method", "path", "status", "expected"),
    [
        ("POST", "half:predict", 404, "received half"),
        ("POST", f"{MODEL}/versions/7:predict", 404, f"received version 7 of {MODEL}"),
        ("GET", "half", 404, "received half"),
        ("GET", f"{MODEL}/versions/7", 404, "received version 7 of"),
        ("GET", "half/metadata", 404, "received half"),
        ("GET", f"{MODEL}/labels/x", 404, f"Malformed request: GET /v1/models/{MODEL}"),
        ("POST", MODEL, 405, f"Malformed request: POST /v1/models/{MODEL}"),
        ("POST", f"{MODEL}:classify", 405, "Malformed request: POST"),
        ("GET", f"{MODEL}/versions/{'9' * 5_000}", 404, "received version 999"),
    ],
)
def test_models_that_are_not_there(
    server: conftest.Server, method: str, path: str, status: int, expected: str
) -> None:
    body = REQUIRED | {"instances": [ROW]} if method == "POST" else None
    answer = server.client.request(method, f"/v1/models/{path}", json=body)
    assert answer.status_code == status
    assert expected in answer.json()["error"]


def test_status_and_metadata(server: conftest.Server) -> None:
    for path in (MODEL, f"{MODEL}/versions/1"):
        assert server.client.get(f"/v1/models/{path}").json() == {
            "model_version_status": [
                {
                    "version": "1",
                    "state": "AVAILABLE",
                    "status": {"error_code": "OK", "error_message": ""},
                }
            ]
        }
    told = server.client.get(f"/v1/models/{MODEL}/metadata").json()
    assert told["model_spec"] == {"name": MODEL, "signature_name": "", "version": "1"}
    described = told["metadata"]["signature_def"]["signature_def"]["serving_required"]
    assert described["method_name"] == "tensorflow/serving/predict"
    assert described["inputs"]["k"]["dtype"] == "DT_INT32"
    dims = described["inputs"]["watched_video_ids"]["tensor_shape"]["dim"]
    assert [dim["size"] for dim in dims] == ["-1", "-1"]


@pytest.mark.thorough
@pytest.mark.parametrize("model", ["recommender_exact", "index_exact", "ranker"])
def test_every_model_answers_as_in_process(server: conftest.Server, model: str) -> None:
    """Rows, columns and the library: the same numbers."""
    fields = server.run.bundle.inputs(model)
    vector = server.run.bundle.run(bundle.USER_TOWER, user_tower(server))
    row = server.filled() | {
        schema.USER_VECTOR: vector[schema.USER_VECTOR].numpy()[0].tolist(),
        schema.VIDEO_IDS: ["v1", "v2", "v9"],
    }
    row = {name: row[name] for name in fields}
    found = server.run.bundle.run(model, batches.inputs([row, row], fields))
    expected = {n: v.numpy() for n, v in found.items()}
    by_row = server.predict({"instances": [row, row]}, model).json()["predictions"]
    columns = {name: [value, value] for name, value in row.items()}
    by_column = server.predict({"inputs": columns}, model).json()["outputs"]
    if len(expected) == 1:  # the name is left out
        (name,) = expected
        by_row = [{name: values} for values in by_row]
        by_column = {name: by_column}
    for name, values in expected.items():
        if values.dtype == object:
            values = np.vectorize(bytes.decode)(values)
        assert [one[name] for one in by_row] == by_column[name]
        if values.dtype == np.float32:
            np.testing.assert_allclose(by_column[name], values, rtol=1e-6)
        else:
            assert by_column[name] == values.tolist()


def user_tower(server: conftest.Server) -> dict:
    fields = server.run.bundle.inputs(bundle.USER_TOWER)
    row = {n: v for n, v in server.request().items() if n in fields}
    return batches.inputs([row], fields)


@pytest.mark.thorough
@pytest.mark.parametrize("signature", ["user_tower", "ranker", "candidates", "explain"])
def test_stages_and_explanations_are_signatures(
    server: conftest.Server, signature: str
) -> None:
    fields = server.parts.served.current.signature(MODEL, signature).fields
    row = server.filled() | {schema.VIDEO_IDS: ["v1", "v2"]}
    body = {"signature_name": signature, "instances": [{n: row[n] for n in fields}]}
    assert server.predict(body).status_code == 200


def test_rows_of_different_lengths_are_answered_as_alone(
    server: conftest.Server,
) -> None:
    """Ours alone: TensorFlow Serving wants lists of one length."""
    rows = [
        {"watched_video_ids": ["v1", "v2", "v3"], "k": 2},
        {"watched_video_ids": [], "k": 7},
        {"watched_video_ids": ["v5"], "k": 1},
    ]
    together = server.predict(REQUIRED | {"instances": rows}).json()["predictions"]
    for row, found in zip(rows, together, strict=True):
        (alone,) = server.predict(REQUIRED | {"instances": [row]}).json()["predictions"]
        size = found["num_results"]
        assert size == alone["num_results"] == min(row["k"], len(alone["ids"]))
        assert found["ids"][:size] == alone["ids"]
        np.testing.assert_allclose(found["scores"][:size], alone["scores"], rtol=1e-5)


@pytest.mark.thorough
def test_vectors_of_another_width_are_refused(server: conftest.Server) -> None:
    rows = [{schema.USER_VECTOR: [1.0] * n, schema.K: 3} for n in (9, 8)]
    body = REQUIRED | {"instances": rows}
    assert "coordinates" in server.predict(body, "index_exact").json()["error"]
    body = REQUIRED | {"instances": rows[1:]}
    answer = server.predict(body, "index_exact")
    assert answer.status_code == 400
    expected = "expected 9 coordinates in each user_vector, received 8"
    assert expected in answer.json()["error"]
    assert server.predict(REQUIRED | {"instances": rows[:1]}, "index_exact").json()


def test_numbers_are_as_short_as_they_can_be() -> None:
    values = np.array([[0.2, 1e-7, 3.0]], np.float32)
    assert json.dumps(predict.plain(values)) == "[[0.2, 1e-07, 3.0]]"
