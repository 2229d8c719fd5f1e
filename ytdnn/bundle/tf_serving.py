"""Files for TensorFlow Serving: its configuration, and warm-up requests.

The configuration is next to the models, in `serving/`; each export writes it anew.
docs/serving.md explains its use. Warm-up requests, which TensorFlow Serving runs before
a new version takes requests, are a TFRecord of `tensorflow.serving.PredictionLog`
messages: four nested messages around TensorFlow's own tensors, written here by field
number, so an export does not need the package of its protocols.
"""

import importlib.resources
import pathlib
import string
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from ytdnn.base import artifacts, schema
from ytdnn.bundle import batches, requests, saved_models

Request = requests.Request

DIRECTORY = "serving"
BATCHING = "batching.config"
FILE = "assets.extra/tf_serving_warmup_requests"
NUM_VIDEOS = 50  # watches of an example
_SIZES = (1, 8)  # requests of a batch
_PADS = "Shorter lists are filled with empty ids, which every model ignores."
_PADS_NOT = (
    "The log has a video of id 0, with which shorter lists would be filled: clients "
    "bring lists of one length."
)
_STOCK = ("The stock image: every model but those of ScaNN.", "tensorflow/serving")
_WITH_SCANN = (
    "An image of TensorFlow Serving 2.20 built with ScaNN's ops (docs/serving.md).",
    "${TF_SERVING_SCANN_IMAGE:?build one as docs/serving.md says}",
)


def write(directory: pathlib.Path, models: Mapping[str, saved_models.Model]) -> None:
    """Writes the configuration into `serving/` of a bundle.

    Args:
      directory: The bundle.
      models: Models of the bundle, by name.
    """
    served = {name: model for name, model in models.items() if model.stages}
    stock = [name for name, model in served.items() if not model.needs_scann]
    files = {
        "models.config": models_config(stock),
        BATCHING: batching_config(served),
        "monitoring.config": _text("monitoring.config"),
        "compose.yaml": _compose("compose.yaml", "models.config", *_STOCK),
    }
    if len(stock) < len(served):
        name, models_file = "compose_scann.yaml", "models_scann.config"
        files[models_file] = models_config(list(served))
        files[name] = _compose(name, models_file, *_WITH_SCANN)
    (directory / DIRECTORY).mkdir(exist_ok=True)
    for name, text in files.items():
        artifacts.write_text(directory / DIRECTORY / name, text)


def _text(template: str, **values: str) -> str:
    """Returns a file of this package's `serving/`, its variables replaced."""
    path = importlib.resources.files("ytdnn.bundle") / DIRECTORY / template
    return string.Template(path.read_text(encoding="utf-8")).substitute(values)


def _compose(name: str, models: str, comment: str, image: str) -> str:
    return _text("compose.yaml", name=name, models=models, comment=comment, image=image)


def models_config(names: list[str]) -> str:
    """Returns the configuration that serves the newest version of some models."""
    entries = [
        f'  config {{\n    name: "{name}"\n    base_path: "/bundle/{name}"\n'
        f'    model_platform: "tensorflow"\n  }}\n'
        for name in names
    ]
    return (
        "# Each has a signature of every stage too: no other model need be loaded.\n"
        f"model_config_list {{\n{''.join(entries)}}}\n"
    )


def batching_config(models: Mapping[str, saved_models.Model]) -> str:
    """Returns the parameters of batching.

    TensorFlow Serving pads shorter lists with 0 or empty text. Answers in a batch equal
    single answers only where that value marks a missing id.
    """
    fields = [field for model in models.values() for field in model.inputs]
    ids = [item for item in fields if item.is_list and item.name.endswith("_ids")]
    pads = all(field.missing in ("", 0) for field in ids)
    why = _PADS if pads else _PADS_NOT
    return _text(BATCHING, why=why, pad=str(pads).lower())


def write_warm_up(
    name: str, model: saved_models.Model, values: Request, directory: pathlib.Path
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


def example(video_ids: Sequence[Any], vector_dim: int) -> Request:
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
    model: saved_models.Model, values: Request
) -> Iterable[tuple[str, dict[str, tf.Tensor]]]:
    """Yields signatures and inputs that run every branch of a model's graph."""
    fixed = {schema.USER_VECTOR, schema.VIDEO_IDS}
    history = {schema.WATCHED_VIDEO_IDS}
    excluded = history | {schema.EXCLUDE_IDS}
    examples: list[Request] = [
        {key: values[key] for key in fixed | more}
        for more in (set(), history, excluded, {schema.ALLOW_IDS})
    ]
    named = [(saved_models.SIGNATURE, model.inputs)]
    if model.required:
        named.append((saved_models.REQUIRED_SIGNATURE, model.required))
    for signature, fields in named:
        by_name = {field.name: field for field in fields}
        known = [
            {k: v for k, v in request.items() if k in by_name} for request in examples
        ]
        for size in _SIZES:
            for request in known:
                arrays = batches.inputs([request] * size, by_name)
                yield signature, batches.tensors(arrays, by_name)


def prediction_log(name: str, signature: str, inputs: dict[str, tf.Tensor]) -> bytes:
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
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
