"""Warm-up requests, which TF Serving runs before a new version takes requests.

A TFRecord of `tensorflow.serving.PredictionLog` messages. They hold four nested
messages around TensorFlow's own tensors, written here by field number, so an export
does not need the package of TF Serving's protocols; a test reads them with it.
"""

import pathlib
from collections.abc import Iterable, Sequence
from typing import Any

import tensorflow as tf

from ytdnn.base import schema
from ytdnn.bundle import batches, requests, saved_models, signatures

FILE = "assets.extra/tf_serving_warmup_requests"
NUM_VIDEOS = 50  # watches of an example
_SIZES = (1, 8)  # requests of a batch

Inputs = dict[str, tf.Tensor]


def write(
    name: str,
    model: saved_models.Model,
    values: requests.Request,
    directory: pathlib.Path,
) -> None:
    """Writes the warm-up requests of a model into its directory.

    Args:
      name: Name of the model.
      model: Model to warm up.
      values: Values of made-up requests, as `example` returns them.
      directory: Directory of the SavedModel.
    """
    path = directory / FILE
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature, inputs in _examples(model, values):
            writer.write(prediction_log(name, signature, inputs))


def example(video_ids: Sequence[Any], vector_dim: int) -> requests.Request:
    """Returns the values of warm-up requests: videos in their order, no user's data.

    Args:
      video_ids: Ids of the catalogue.
      vector_dim: Number of coordinates of the user's vector.
    """
    ids = list(video_ids[:NUM_VIDEOS])
    lists = (
        schema.WATCHED_VIDEO_IDS,
        schema.VIDEO_IDS,
        schema.EXCLUDE_IDS,
        schema.ALLOW_IDS,
    )
    return dict.fromkeys(lists, ids) | {schema.USER_VECTOR: [1.0] * vector_dim}


def _examples(
    model: saved_models.Model, values: requests.Request
) -> Iterable[tuple[str, Inputs]]:
    """Yields signatures and inputs that run every branch of a model's graph."""
    given = {schema.USER_VECTOR, schema.VIDEO_IDS}
    history = {schema.WATCHED_VIDEO_IDS}
    asked: list[requests.Request] = [
        {key: values[key] for key in given | more}
        for more in (
            set(),
            history,
            history | {schema.EXCLUDE_IDS},
            {schema.ALLOW_IDS},
        )
    ]
    named = [(saved_models.SIGNATURE, model.inputs)]
    if model.required:
        named.append((saved_models.REQUIRED_SIGNATURE, model.required))
    for signature, fields in named:
        by_name = {field.name: field for field in fields}
        known = [{k: v for k, v in one.items() if k in by_name} for one in asked]
        for size in _SIZES:
            for one in known:
                yield signature, _tensors([one] * size, by_name)


def _tensors(
    batch: list[requests.Request], fields: dict[str, signatures.Field]
) -> Inputs:
    return batches.tensors(batches.inputs(batch, fields), fields)


def prediction_log(name: str, signature: str, inputs: Inputs) -> bytes:
    """Returns a serialised `PredictionLog` of one request.

    Args:
      name: Name of the model.
      signature: Name of the signature.
      inputs: Tensors by name.
    """
    spec = _field(1, name.encode()) + _field(3, signature.encode())
    request = _field(1, spec)  # ModelSpec
    for key, value in sorted(inputs.items()):
        tensor = tf.make_tensor_proto(value).SerializeToString()
        request += _field(2, _field(1, key.encode()) + _field(2, tensor))
    return _field(6, _field(1, request))  # PredictLog of a PredictRequest


def _field(number: int, content: bytes) -> bytes:
    """Returns a field of bytes, text or a message in the wire format."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)
