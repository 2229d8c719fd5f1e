"""Asks TensorFlow Serving by gRPC, with the messages of the extra `tf_serving`.

pip install grpcio tensorflow tensorflow-serving-api==2.20.0
python docs/clients/grpc_client.py localhost:8500 recommender_exact \
    '{"watched_video_ids": ["v1", "v2"], "k": 5}'
"""

import json
import sys

import grpc
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

SIGNATURE = "serving_required"  # takes watched_video_ids and k alone
INT32 = ("k", "impression_clicked")
FLOAT32 = ("age", "watched_seconds", "user_vector")


def message(model, request, signature=SIGNATURE):
    """Returns the message of one request: every input as a batch of one."""
    made = predict_pb2.PredictRequest()
    made.model_spec.name = model
    made.model_spec.signature_name = signature
    for name, value in request.items():
        dtype = "int32" if name in INT32 else "float32" if name in FLOAT32 else None
        made.inputs[name].CopyFrom(tf.make_tensor_proto([value], dtype or _type(value)))
    return made


def _type(value):
    """Returns the type of ids and times: text, or 64-bit integers."""
    first = value[0] if isinstance(value, list) else value
    return "string" if isinstance(first, str) else "int64"


def results(response):
    """Returns (id, score) of each result, best first, of a PredictResponse."""
    outputs = {name: tf.make_ndarray(t) for name, t in response.outputs.items()}
    size = int(outputs["num_results"][0])
    ids = outputs["ids"][0].tolist()
    ids = [i.decode() if isinstance(i, bytes) else i for i in ids]
    return list(zip(ids, outputs["scores"][0].tolist(), strict=True))[:size]


def ask(address, model, request, signature=SIGNATURE):
    """Returns the results of one request."""
    with grpc.insecure_channel(address) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        return results(stub.Predict(message(model, request, signature), timeout=5.0))


if __name__ == "__main__":
    for video_id, score in ask(sys.argv[1], sys.argv[2], json.loads(sys.argv[3])):
        print(video_id, score, sep="\t")
