import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tests import leftovers, refusals
from tests.bundle import conftest
from ytdnn import configs
from ytdnn.base import artifacts, errors, schema
from ytdnn.bundle import bundle, export, requests, user_requests
from ytdnn.retrieval.index import artifact

Run = conftest.Run

FRESH = """
import json, sys
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.framework import op_def_registry
from tensorflow_serving.apis import predict_pb2

bundle, given = sys.argv[1], json.load(open(sys.argv[2]))
manifest = json.load(open(f"{bundle}/manifest.json"))
models, version = manifest["facts"]["models"], manifest["facts"]["version"]
missing = {
    key: (field["missing"], field["dtype"], field["shape"])
    for model in models.values() for key, field in model["inputs"].items()
}

def plain(outputs):
    return {
        key: [
            [v.decode() if isinstance(v, bytes) else v for v in row]
            for row in value.reshape(value.shape[0], -1).tolist()
        ]
        for key, value in outputs.items()
    }

def strange_ops(directory):
    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString(open(f"{directory}/saved_model.pb", "rb").read())
    ops = set()
    for meta in saved.meta_graphs:
        functions = meta.graph_def.library.function
        own = {function.signature.name for function in functions}
        for nodes in (meta.graph_def.node, *(f.node_def for f in functions)):
            ops |= {node.op for node in nodes} - own
    assert len(ops) > 10, ops
    return sorted(op for op in ops if op_def_registry.get(op) is None)

def by_session(directory):
    answers = {}
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        loaded = tf.compat.v1.saved_model.load(session, ["serve"], directory)
        for name, signature in loaded.signature_def.items():
            if name.startswith("__"):
                continue
            feed = by_messages(name, signature)
            fetched = {key: t.name for key, t in signature.outputs.items()}
            found = session.run(fetched, feed)
            require_shapes(signature.outputs, found)
            answers[name] = plain(found)
    return answers

def by_messages(name, signature):
    # The inputs as TensorFlow Serving takes them off a request by gRPC.
    request = predict_pb2.PredictRequest()
    request.model_spec.signature_name = name
    for key in signature.inputs:
        request.inputs[key].CopyFrom(tf.make_tensor_proto(typed(key)))
    sent = predict_pb2.PredictRequest.FromString(request.SerializeToString())
    values = {key: tf.make_ndarray(tensor) for key, tensor in sent.inputs.items()}
    for key, info in signature.inputs.items():
        assert sent.inputs[key].dtype == info.dtype, (name, key)
    require_shapes(signature.inputs, values)
    return {signature.inputs[key].name: value for key, value in values.items()}

def require_shapes(tensors, values):
    # A row for each request throughout, as REST's row form and batching want it.
    response = predict_pb2.PredictResponse()
    for key, info in tensors.items():
        shape = tf.TensorShape(info.tensor_shape)
        assert shape.rank >= 1 and shape[0] is None, (key, shape)
        assert shape.is_compatible_with(values[key].shape), (key, shape)
        assert len(values[key]) == 2, key
        response.outputs[key].CopyFrom(tf.make_tensor_proto(values[key]))
        assert response.outputs[key].dtype == info.dtype, key
    assert response.IsInitialized()

def typed(key):
    import numpy as np
    dtype = missing[key][1]
    return np.array(given[key], object if dtype == "string" else dtype)

def by_python(directory):
    answers = {}
    for name, signature in tf.saved_model.load(directory).signatures.items():
        keys = signature.structured_input_signature[1]
        found = signature(**{k: tf.constant(given[k], missing[k][1]) for k in keys})
        answers[name] = plain({key: value.numpy() for key, value in found.items()})
    return answers

directories = {name: f"{bundle}/{name}/{version}" for name in models}
strange = {name: strange_ops(directory) for name, directory in directories.items()}
answers = {"python": {}, "session": {}, "strange_ops": strange}
for name in sorted(models, key=lambda n: models[n]["needs"]):
    if models[name]["needs"]:
        import scann
    else:
        assert "scann" not in sys.modules
    answers["python"][name] = by_python(directories[name])
    answers["session"][name] = by_session(directories[name])
assert "ytdnn" not in sys.modules
print(json.dumps(answers))
"""


def inputs_of_all_models(run: Run) -> dict:
    """Returns two requests as JSON, with what the stages' own models need beside."""
    first = user_requests.at_end(run.data, "u3", k=7)
    length = len(first[schema.WATCHED_VIDEO_IDS])
    shown = len(first[schema.IMPRESSION_VIDEO_IDS])
    nobody = {
        schema.WATCHED_VIDEO_IDS: [""] * length,
        schema.WATCH_TIMES: [0] * length,
        schema.TIME: 0,
        schema.IMPRESSION_VIDEO_IDS: [""] * shown,
        schema.IMPRESSION_TIMES: [0] * shown,
        schema.IMPRESSION_CLICKED: [-1] * shown,
        schema.AGE: -1.0,
        schema.GENDER: "",
        schema.COUNTRY: "",
        schema.EXCLUDE_IDS: [""] * 2,
        schema.ALLOW_IDS: [""],
        schema.K: 3,
    }
    first |= {schema.EXCLUDE_IDS: ["video 4", ""], schema.ALLOW_IDS: [""]}
    given = {name: [first.get(name, nobody[name]), nobody[name]] for name in nobody}
    width = run.config.candidates.embedding_dim
    given[schema.USER_VECTOR] = [[0.3] * width + [1.0], [-0.2] * width + [1.0]]
    given[schema.VIDEO_IDS] = [["video 1", "video 2", ""], ["nonsense", "", "video 3"]]
    return given


@pytest.fixture(scope="module")
def fresh(run: Run, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """Answers of every model in a process of TensorFlow alone, then with ScaNN."""
    return answers_of(run, tmp_path_factory.mktemp("fresh"))


@pytest.fixture(scope="module")
def ivf_run(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The run with inverted lists in the place of ScaNN, several of them."""
    workdir = tmp_path_factory.mktemp("ivf") / "run"
    shutil.copytree(run.workdir, workdir)
    inputs = artifacts.read_manifest(run.workdir / "index", "index").inputs
    search = configs.IvfConfig(num_lists=4, lists_to_search_fraction=0.5)
    index = configs.IndexConfig(search=search)
    artifact.build(workdir / "index", run.candidates.video_vectors(), index, inputs)
    config = dataclasses.replace(run.config, index=index)
    made = bundle.load(export.export(workdir, config))
    return dataclasses.replace(run, workdir=workdir, config=config, bundle=made)


@pytest.fixture(scope="module")
def fresh_ivf(ivf_run: Run, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """Answers of every model of a bundle of inverted lists, likewise."""
    return answers_of(ivf_run, tmp_path_factory.mktemp("fresh"))


def answers_of(run: Run, directory: pathlib.Path) -> dict:
    """Returns the answers of every model of a run in a process without ytdnn."""
    given = inputs_of_all_models(run)
    (directory / "given.json").write_text(json.dumps(given))
    (directory / "fresh.py").write_text(FRESH)
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("PYTHONPATH", "TF_USE_LEGACY_KERAS")
    }
    result = subprocess.run(
        [sys.executable, "fresh.py", str(run.bundle.directory), "given.json"],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    return json.loads(result.stdout) | {"given": given}


def answers_here(run: Run, name: str, signature: str, given: dict) -> dict:
    function = run.bundle.model(name, signature)
    fields = {}
    for model in run.bundle.manifest.facts["models"]:
        fields |= run.bundle.inputs(model)
    outputs = function(
        **{
            key: tf.constant(given[key], tf.as_dtype(fields[key].dtype))
            for key in function.structured_input_signature[1]
        }
    )
    return {key: value.numpy().reshape(2, -1) for key, value in outputs.items()}


@pytest.mark.thorough
@pytest.mark.parametrize("loader", ["python", "session"])
@pytest.mark.parametrize("index", ["scann", "ivf"])
def test_a_fresh_process_with_tensorflow_alone_gives_the_same_answers(
    run: Run, fresh: dict, ivf_run: Run, fresh_ivf: dict, index: str, loader: str
) -> None:
    """By both loaders: TensorFlow Serving loads as a session does, and asks so too."""
    run, fresh = (run, fresh) if index == "scann" else (ivf_run, fresh_ivf)
    models = run.bundle.manifest.facts["models"]
    assert set(fresh[loader]) == set(models)
    for name, signatures in fresh[loader].items():
        more = ["serving_required"] if models[name]["required"] else []
        assert set(signatures) == {"serving_default", *more, *models[name]["stages"]}
        for signature, outputs in signatures.items():
            expected = answers_here(run, name, signature, fresh["given"])
            assert set(outputs) == set(expected)
            for key, value in expected.items():
                if key == bundle.STAGE_SECONDS:
                    continue  # measured
                if value.dtype == object:
                    texts = [[v.decode() for v in row] for row in value.tolist()]
                    assert outputs[key] == texts, (name, signature)
                    continue
                found = np.array(outputs[key])
                np.testing.assert_allclose(found, value, rtol=1e-5, atol=1e-6)


@pytest.mark.thorough
def test_all_but_scanns_models_are_of_stock_operations(run: Run, fresh: dict) -> None:
    models = run.bundle.manifest.facts["models"]
    assert any(models[name]["needs"] for name in models)
    for name, strange in fresh["strange_ops"].items():
        assert bool(strange) == bool(models[name]["needs"]), (name, strange)
        assert all(op.startswith("Scann>") for op in strange)


def test_answers_have_titles_and_scores(run: Run) -> None:
    (answer,) = run.bundle.answer([user_requests.at_end(run.data, "u3")])
    assert len(answer.video_ids) == requests.DEFAULT_K
    assert answer.titles == [v.replace("video", "Title") for v in answer.video_ids]
    assert answer.scores == sorted(answer.scores, reverse=True)
    assert run.bundle.score_meaning.startswith("expected watch seconds")


def test_loaded_models_do_not_run_in_a_fork(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.bundle.model(bundle.RECOMMENDER)
    monkeypatch.setattr(os, "getpid", lambda: -1)
    with pytest.raises(errors.UserError, match="started by spawn"):
        run.bundle.model(bundle.RECOMMENDER)


def test_an_unknown_input_is_refused(run: Run) -> None:
    with pytest.raises(
        errors.UserError, match=r"watched_videos.*did you mean watched_"
    ):
        run.bundle.run(bundle.RECOMMENDER, {"watched_videos": [[1]]})


def test_a_batch_runs_one_graph_once(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    model = run.bundle.model
    monkeypatch.setattr(
        run.bundle, "model", lambda name, *of: asked.append(name) or model(name, *of)
    )
    batch = [user_requests.at_end(run.data, f"u{i}") for i in range(3)]
    assert len(run.bundle.answer(batch, exact=True)) == 3
    assert asked == ["recommender_exact"]
    assert run.bundle.answer([]) == []
    assert len(asked) == 1


def test_stage_latencies_add_up_to_the_whole(run: Run) -> None:
    latency = run.bundle.latency(user_requests.at_end(run.data, "u3"))
    assert list(latency) == ["candidates", "ranking", "other", "recommender"]
    assert all(0.0 <= value < 10_000.0 for value in latency.values())
    *stages, whole = latency.values()
    assert sum(stages) == pytest.approx(whole)
    assert min(stages[:2]) > 0.0


def test_the_bundle_alone_is_enough(run: Run, tmp_path: pathlib.Path) -> None:
    moved = tmp_path / "elsewhere"
    shutil.copytree(run.bundle.directory, moved)
    request = user_requests.at_end(run.data, "u8")
    answer = bundle.load(moved).answer([request], exact=True)
    assert answer == run.bundle.answer([request], exact=True)


@pytest.mark.parametrize("exact", [False, True])
def test_a_bundle_that_is_let_go_leaves_no_graph(run: Run, exact: bool) -> None:
    """A program may load one version after another."""
    before = leftovers.num_graphs()
    opened = bundle.load(run.bundle.directory)
    assert opened.answer([{}], exact)
    assert leftovers.num_graphs() > before
    del opened
    assert leftovers.num_graphs() <= before


@pytest.mark.parametrize(
    "name",
    [
        "ranker/1/saved_model.pb",
        "versions/1/titles.parquet",
        "versions/1/vocabularies.json",
    ],
)
@pytest.mark.parametrize("harm", ["flip", "truncate", "remove"])
def test_a_damaged_bundle_is_refused(
    run: Run, tmp_path: pathlib.Path, name: str, harm: str
) -> None:
    shutil.copytree(run.bundle.directory, tmp_path / "bundle")
    path = tmp_path / "bundle" / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    if harm == "remove":
        path.unlink()
    else:
        path.write_bytes(content if harm == "flip" else content[:-1])
    line = refusals.line(bundle.load, tmp_path / "bundle")
    assert str(path) in line
    assert "run `ytdnn export` again" in line


def test_export_refuses_an_index_of_another_candidate_model(
    run: Run, tmp_path: pathlib.Path
) -> None:
    for name in ("data", "candidates", "index", "ranking"):
        shutil.copytree(run.workdir / name, tmp_path / name)
    manifest = tmp_path / "index" / "manifest.json"
    values = json.loads(manifest.read_text())
    values["inputs"]["candidates"] = "0123456789abcdef"
    values["checksum"] = ""  # as of a manifest of before
    manifest.write_text(json.dumps(values))
    with pytest.raises(errors.UserError, match="made from candidates 0123456789abcdef"):
        export.export(tmp_path, run.config)
    assert not (tmp_path / "bundle").exists()


def test_export_needs_a_ranker_where_the_log_has_impressions(
    run: Run, tmp_path: pathlib.Path
) -> None:
    for name in ("data", "candidates", "index"):
        shutil.copytree(run.workdir / name, tmp_path / name)
    with pytest.raises(errors.UserError, match="expected a ranking artefact"):
        export.export(tmp_path, run.config)
