"""Manifests of docs/containers, and what Kubernetes' own schema refuses in them."""

import functools
import json
import pathlib
from typing import Any

import jsonschema
import yaml

CONTAINERS = pathlib.Path(__file__).parents[2] / "docs" / "containers"
_SCHEMA = pathlib.Path(__file__).with_name("kubernetes_schema.json")


def manifests(name: str) -> list[Any]:
    """Returns the objects of a file."""
    return list(yaml.safe_load_all((CONTAINERS / name).read_text(encoding="utf-8")))


def problems(manifest: Any) -> list[str]:
    """Returns a line for each thing that the schema of the kind refuses."""
    schema = _schema()
    name = schema["kinds"][manifest["kind"]]
    own = {"$ref": f"#/$defs/{name}", "$defs": schema["$defs"]}
    found = jsonschema.Draft202012Validator(own).iter_errors(manifest)
    return [f"{error.json_path}: {error.message}" for error in found]


@functools.cache
def _schema() -> Any:
    return json.loads(_SCHEMA.read_text())
