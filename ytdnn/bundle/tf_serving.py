"""Configuration files for TensorFlow Serving, next to the models of a bundle.

They are written anew by every export; copy them to change them. docs/serving.md
explains their use.
"""

import pathlib
from collections.abc import Mapping

from ytdnn.base import artifacts
from ytdnn.bundle import saved_models

DIRECTORY = "serving"
MODELS = "models.config"
MODELS_SCANN = "models_scann.config"
BATCHING = "batching.config"
MONITORING = "monitoring.config"
COMPOSE = "compose.yaml"
COMPOSE_SCANN = "compose_scann.yaml"

_ROOT = "/bundle"  # where containers see the bundle
_ZERO: dict[str, str | int] = {"string": "", "int64": 0}
_BATCHING = """\
# Up to 32 requests that arrive within a millisecond share a run of the graph.
max_batch_size {{ value: 32 }}
batch_timeout_micros {{ value: 1000 }}
max_enqueued_batches {{ value: 100 }}
num_batch_threads {{ value: 2 }}
# {why}
pad_variable_length_inputs: {pad}
"""
_PADS = "Shorter lists are filled with empty ids, which every model ignores."
_PADS_NOT = (
    "The log has a video of id 0, with which shorter lists would be filled: clients "
    "bring lists of one length."
)
_MONITORING = """\
prometheus_config {
  enable: true
  path: "/monitoring/prometheus/metrics"
}
"""
_COMPOSE = """\
# {image_comment}
# Start it in this directory: docker compose -f {name} up
services:
  tf-serving:
    image: {image}
    command:
      - --model_config_file={root}/{directory}/{models}
      - --model_config_file_poll_wait_seconds=60
      - --file_system_poll_wait_seconds=5
      - --enable_batching=true
      - --batching_parameters_file={root}/{directory}/{batching}
      - --monitoring_config_file={root}/{directory}/{monitoring}
    ports:
      - "8500:8500"  # gRPC
      - "8501:8501"  # REST
    volumes:
      - ..:{root}:ro
    restart: unless-stopped
"""
_STOCK = ("The stock image: every model but those of ScaNN.", "tensorflow/serving")
_WITH_SCANN = (
    "An image of TensorFlow Serving 2.20 built with ScaNN's ops (docs/serving.md).",
    "${TF_SERVING_SCANN_IMAGE:?build one as docs/serving.md says}",
)


def write(directory: pathlib.Path, models: Mapping[str, saved_models.Model]) -> None:
    """Writes the files into `serving/` of a bundle.

    Args:
      directory: The bundle.
      models: Models of the bundle, by name.
    """
    place = directory / DIRECTORY
    place.mkdir(exist_ok=True)
    served = {name: model for name, model in models.items() if model.stages}
    stock = [name for name, model in served.items() if not model.needs_scann]
    files = {
        MODELS: models_config(stock),
        BATCHING: batching_config(served),
        MONITORING: _MONITORING,
        COMPOSE: _compose(COMPOSE, MODELS, *_STOCK),
    }
    if len(stock) < len(served):
        files[MODELS_SCANN] = models_config(list(served))
        files[COMPOSE_SCANN] = _compose(COMPOSE_SCANN, MODELS_SCANN, *_WITH_SCANN)
    for name, text in files.items():
        artifacts.write_text(place / name, text)


def models_config(names: list[str]) -> str:
    """Returns the configuration that serves the newest version of some models."""
    entries = [
        f'  config {{\n    name: "{name}"\n    base_path: "{_ROOT}/{name}"\n'
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
    ids = {
        field.missing == _ZERO[field.dtype]
        for model in models.values()
        for field in model.inputs
        if field.is_list and field.dtype in _ZERO and field.name.endswith("_ids")
    }
    pads = all(ids)
    why = _PADS if pads else _PADS_NOT
    return _BATCHING.format(why=why, pad=str(pads).lower())


def _compose(name: str, models: str, image_comment: str, image: str) -> str:
    return _COMPOSE.format(
        name=name,
        models=models,
        image_comment=image_comment,
        image=image,
        root=_ROOT,
        directory=DIRECTORY,
        batching=BATCHING,
        monitoring=MONITORING,
    )
