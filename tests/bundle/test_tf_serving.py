"""What TensorFlow Serving is given: warm-up requests, its settings, its clients."""

import json
import pathlib
import types

import numpy as np
import pytest
import tensorflow as tf

from tests import extras
from tests.bundle import conftest
from ytdnn.base import schema
from ytdnn.bundle import saved_models, signatures, tf_serving, versions

apis = pytest.importorskip("tensorflow_serving.apis")

MODEL = "recommender_exact"


@pytest.fixture(scope="module")
def serving(run: conftest.Run) -> pathlib.Path:
    return run.bundle.directory / tf_serving.DIRECTORY


@pytest.fixture
def client(
    repository: pathlib.Path, request: pytest.FixtureRequest
) -> types.ModuleType:
    return extras.module(repository / "docs" / "clients" / f"{request.param}.py")


@pytest.mark.parametrize("name", ["recommender_exact", "ranker", "index_exact"])
def test_warm_up_requests_are_those_of_the_model(run: conftest.Run, name: str) -> None:
    """Read by TF Serving's own messages, and answered."""
    from tensorflow_serving.apis import prediction_log_pb2

    path = run.bundle.path(name) / tf_serving.FILE
    asked = set()
    for record in tf.data.TFRecordDataset(str(path)):
        log = prediction_log_pb2.PredictionLog.FromString(record.numpy())
        request = log.predict_log.request
        assert request.model_spec.name == name
        signature = run.bundle.model(name, request.model_spec.signature_name)
        inputs = {key: tf.make_ndarray(t) for key, t in request.inputs.items()}
        outputs = signature(**{key: tf.constant(v) for key, v in inputs.items()})
        assert np.isfinite(outputs[schema.SCORES]).all()
        sizes = {len(value) for value in inputs.values()}
        asked |= {(request.model_spec.signature_name, size) for size in sizes}
        asked |= {key for key, value in inputs.items() if b"video 1" in value}
    assert {("serving_default", 1), ("serving_default", 8)} <= asked
    if name != "ranker":
        assert ("serving_required", 1) in asked
        assert {schema.ALLOW_IDS, schema.EXCLUDE_IDS} <= asked


def test_the_models_of_a_stock_server_need_no_scann(
    run: conftest.Run, serving: pathlib.Path
) -> None:
    from google.protobuf import text_format
    from tensorflow_serving.config import model_server_config_pb2

    models = run.bundle.manifest.facts["models"]
    for name, expected in (
        ("models.config", {"recommender_exact"}),
        ("models_scann.config", {"recommender_exact", "recommender"}),
    ):
        text = (serving / name).read_text()
        config = model_server_config_pb2.ModelServerConfig()
        entries = text_format.Parse(text, config).model_config_list.config
        assert {entry.name for entry in entries} == expected
        for entry in entries:
            below = pathlib.PurePosixPath(entry.base_path).relative_to("/bundle")
            held = (run.bundle.directory / below).iterdir()
            assert {int(path.name) for path in held} == {run.bundle.version}
            assert name != "models.config" or not models[entry.name]["needs"]


def test_the_compose_files_name_files_that_are_there(serving: pathlib.Path) -> None:
    for name in ("compose.yaml", "compose_scann.yaml"):
        lines = (serving / name).read_text().splitlines()
        named = [line.partition("/bundle/")[2] for line in lines if "=/bundle/" in line]
        assert len(named) == 3
        assert all((serving.parent / file).exists() for file in named)


@pytest.mark.parametrize(
    ("missing", "pads"), [("", "true"), (0, "true"), (-1, "false")]
)
def test_lists_are_padded_only_by_what_is_missing(
    run: conftest.Run, missing: str | int, pads: str
) -> None:
    """A log with a video 0 has another id that stands for none."""
    dtype = "string" if missing == "" else "int64"
    field = saved_models.io_fields.Field(
        schema.WATCHED_VIDEO_IDS, dtype, "batch, length", missing, ""
    )
    model = saved_models.Model(tf.Module(), (field,), ())
    text = tf_serving.batching_config({"recommender": model})
    assert f"pad_variable_length_inputs: {pads}" in text


@pytest.mark.parametrize("client", ["rest"], indirect=True)
@pytest.mark.parametrize("signature", ["serving_required", "serving_default"])
def test_the_rest_client_asks_and_reads(
    run: conftest.Run, client: types.ModuleType, signature: str
) -> None:
    asked = request = {schema.WATCHED_VIDEO_IDS: ["video 3", "video 9"], schema.K: 4}
    if signature == "serving_default":
        manifest = json.loads((run.bundle.directory / "manifest.json").read_text())
        asked = request | {schema.EXCLUDE_IDS: ["video 1"]}
        request = client.completed(asked, manifest, MODEL)
    posted = json.loads(client.body(request, signature))
    assert posted["signature_name"] == signature
    fields = run.bundle.inputs(MODEL)
    inputs = {
        name: tf.constant(value, tf.as_dtype(fields[name].dtype))
        for name, value in posted["inputs"].items()
    }
    outputs = run.bundle.model(MODEL, signature)(**inputs)
    plain = {name: value.numpy().tolist() for name, value in outputs.items()}
    plain["ids"] = [[v.decode() for v in row] for row in plain["ids"]]
    check(run, asked, client.results(json.dumps({"outputs": plain})))


@pytest.mark.parametrize("client", ["grpc_client"], indirect=True)
@pytest.mark.parametrize("signature", ["serving_required", "serving_default"])
def test_the_grpc_client_asks_and_reads(
    run: conftest.Run, client: types.ModuleType, signature: str
) -> None:
    from tensorflow_serving.apis import predict_pb2

    asked = request = {schema.WATCHED_VIDEO_IDS: ["video 3", "video 9"], schema.K: 4}
    if signature == "serving_default":
        missing = {
            name: [field.missing] if field.is_list else field.missing
            for name, field in run.bundle.inputs(MODEL).items()
        }
        request = missing | asked
    sent = client.message(MODEL, request, signature)
    assert sent.model_spec.name == MODEL
    inputs = {n: tf.constant(tf.make_ndarray(t)) for n, t in sent.inputs.items()}
    outputs = run.bundle.model(MODEL, sent.model_spec.signature_name)(**inputs)
    response = predict_pb2.PredictResponse()
    for name, value in outputs.items():
        response.outputs[name].CopyFrom(tf.make_tensor_proto(value))
    check(run, asked, client.results(response))


def check(run: conftest.Run, request: dict, found: list) -> None:
    (answer,) = run.bundle.answer([request], exact=True)
    assert [video for video, _ in found] == answer.video_ids
    assert [score for _, score in found] == pytest.approx(answer.scores, rel=1e-5)


class Double(tf.Module):
    """A graph with a large variable and a small one of its own."""

    def __init__(self, large: np.ndarray, small: float) -> None:
        super().__init__()
        self._large, self._small = tf.Variable(large), tf.Variable(small)

    def call(self, k: tf.Tensor) -> dict[str, tf.Tensor]:
        added = tf.reduce_sum(self._large) + self._small
        return {"scores": tf.cast(k, tf.float32) + added}


def test_vectors_of_several_models_lie_on_disk_once(tmp_path: pathlib.Path) -> None:
    large = np.random.default_rng(0).normal(size=(2**12, 2**7)).astype(np.float32)
    fields = (signatures.k_field(),)
    with versions.publish(tmp_path / "bundle", "bundle", {}, {}, {}) as draft:
        for name, small in (("a", 1.0), ("b", 2.0)):
            model = saved_models.Model(Double(large, small), fields, ())
            saved_models.save(model, draft.part(name))
    files = list((tmp_path / "bundle").glob("?/1/variables/*.data-*"))
    of_vectors = [path for path in files if path.stat().st_size >= large.nbytes]
    assert len(of_vectors) == 2
    assert of_vectors[0].samefile(of_vectors[1])
    assert all(path.stat().st_size < 10_000 for path in set(files) - set(of_vectors))
    for name, small in (("a", 1.0), ("b", 2.0)):
        loaded = tf.saved_model.load(str(tmp_path / "bundle" / name / "1"))
        found = loaded.signatures[saved_models.SIGNATURE](k=tf.constant([1]))
        assert float(found["scores"][0]) == pytest.approx(
            large.sum() + small + 1, abs=0.1
        )
