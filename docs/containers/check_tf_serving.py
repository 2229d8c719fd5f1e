"""Compares TensorFlow Serving with the library: every signature of every stock model.

    python docs/containers/check_tf_serving.py BUNDLE [--rest=ADDRESS] [--grpc=ADDRESS]

Asks for two rows with lists of videos and one with nothing known, by REST and, where an
address is given, by gRPC (extra `tf_serving`). check_tf_serving.sh starts the server.
"""

import argparse
import json
import pathlib
import sys
import urllib.request

import numpy as np

from ytdnn.base import schema
from ytdnn.bundle import (
    allowed_operations,
    batches,
    bundle,
    requests,
    tf_serving,
)
from ytdnn.log import io_fields as fields_room

TOLERANCE = 1e-4  # of scores: other kernels add in another order


def stock_models(opened):
    """Returns the names of the models that need TensorFlow alone."""
    models = opened.manifest.facts["models"]
    return [name for name, described in models.items() if not described["needs"]]


def signatures_of(opened, model):
    """Returns the names of the signatures of a model."""
    read = allowed_operations.read(opened.path(model))
    return [name for name in read.signature_def if not name.startswith("__")]


def inputs_of(opened, function):
    """Returns example inputs of a signature, `[3, …]` each, by name."""
    known = {}
    for name in opened.manifest.facts["models"]:
        known |= opened.inputs(name)
    fields = {}
    for name, spec in function.structured_input_signature[1].items():
        dtype = spec.dtype.name
        missing = "" if dtype == "string" else 0
        shape = "batch, length" if spec.shape.rank > 1 else "batch"
        made = fields_room.Field(name, dtype, shape, missing, "")
        fields[name] = known.get(name, made)
    whole = tf_serving.example(list(opened.titles), opened.vector_dim)
    allowed = whole.pop(schema.ALLOW_IDS)
    rows = [whole, whole | {schema.ALLOW_IDS: allowed}, {}]
    rows[2] = {schema.USER_VECTOR: whole[schema.USER_VECTOR]}
    given = [{k: v for k, v in row.items() if k in fields} for row in rows]
    return batches.stacked([requests.values(row, fields) for row in given], fields)


def expected(opened, model, signature, inputs):
    """Returns the library's outputs, without measured times."""
    import tensorflow as tf

    function = opened.model(model, signature)
    specs = function.structured_input_signature[1]
    typed = {name: tf.constant(v, specs[name].dtype) for name, v in inputs.items()}
    found = {name: value.numpy() for name, value in function(**typed).items()}
    found.pop(bundle.STAGE_SECONDS, None)
    return found


def by_rest(address, model, signature, inputs):
    """Returns a server's outputs by REST."""
    columns = {name: value.tolist() for name, value in inputs.items()}
    body = {"signature_name": signature, "inputs": columns}
    request = urllib.request.Request(
        f"http://{address}/v1/models/{model}:predict",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        found = json.load(response)["outputs"]
    if not isinstance(found, dict):  # of a signature with one output
        return {None: np.array(found)}
    return {name: np.array(value) for name, value in found.items()}


def by_grpc(address, model, signature, inputs):
    """Returns a server's outputs by gRPC."""
    import grpc
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    request.model_spec.signature_name = signature
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    with grpc.insecure_channel(address) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        response = stub.Predict(request, timeout=60)
    return {name: tf.make_ndarray(value) for name, value in response.outputs.items()}


def differences(found, wanted):
    """Returns the outputs that differ, each with a reason."""
    if None in found:
        found = dict.fromkeys(wanted, found[None])
    problems = [] if set(wanted) <= set(found) else [f"outputs {sorted(found)}"]
    for name in set(wanted) & set(found):
        value, other = wanted[name], found[name]
        if value.shape != other.shape:
            problems.append(f"{name}: shape {other.shape} for {value.shape}")
        elif value.dtype == object:
            texts = [[_text(v) for v in a.ravel()] for a in (value, other)]
            if texts[0] != texts[1]:
                problems.append(f"{name}: other texts")
        elif not np.allclose(value, other.astype(value.dtype), TOLERANCE, TOLERANCE):
            problems.append(f"{name}: other numbers")
    return problems


def _text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def check(directory, rest, grpc):
    """Prints a line for each signature, and returns how many differ."""
    opened = bundle.load(directory)
    failed = 0
    for model in stock_models(opened):
        for signature in signatures_of(opened, model):
            inputs = inputs_of(opened, opened.model(model, signature))
            wanted = expected(opened, model, signature, inputs)
            ways = [("REST", by_rest, rest), ("gRPC", by_grpc, grpc)]
            for way, ask, address in ways:
                if address is None:
                    continue
                found = differences(ask(address, model, signature, inputs), wanted)
                failed += bool(found)
                print(f"{model}:{signature} by {way}: {'; '.join(found) or 'equal'}")
    return failed


def main(arguments=None):
    """Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=pathlib.Path)
    parser.add_argument("--rest", default="localhost:8501")
    parser.add_argument("--grpc")
    options = parser.parse_args(arguments)
    failed = check(options.bundle, options.rest, options.grpc)
    print(f"{failed} signatures differ" if failed else "all signatures are equal")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
