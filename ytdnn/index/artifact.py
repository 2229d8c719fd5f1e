"""The index of a run: built once for a candidate model, kept, refused when stale.

`workdir/index/` holds `exact/` and, where ScaNN loads, `scann/`, each a SavedModel.
"""

import pathlib
from collections.abc import Mapping
from typing import Any, Literal

from ytdnn import artifacts, configs, errors
from ytdnn.index import brute_force, interface, scann_index

KIND = "index"
CANDIDATES = "candidates"
Name = Literal["exact", "scann"]
_CLASSES: dict[str, type[interface.Index]] = {
    "exact": brute_force.BruteForce,
    "scann": scann_index.Scann,
}


def build(
    directory: pathlib.Path,
    vectors: interface.Vectors,
    config: configs.Index,
    inputs: Mapping[str, str],
) -> None:
    """Builds and publishes the indexes.

    Args:
      directory: Where the artefact will stand.
      vectors: `[num_videos, dim] float32`, row i ↔ video index i + 1.
      config: Settings.
      inputs: Fingerprints of the artefacts the vectors come from, `candidates` at
        least.
    """
    names = ["exact"] + (["scann"] if scann_index.is_available() else [])
    facts: dict[str, Any] = {"num_videos": len(vectors), "indexes": names}
    with artifacts.publish(
        directory, KIND, configs.to_dict(config), inputs, facts
    ) as partial:
        for name in names:
            _CLASSES[name].build(vectors, config).save(partial / name)


def load(
    directory: pathlib.Path, name: Name, candidates: artifacts.Manifest
) -> interface.Index:
    """Loads one index of an artefact.

    Args:
      directory: The artefact.
      name: Which one.
      candidates: Manifest of the candidate model beside it.

    Raises:
      errors.UserError: It is missing, damaged, lacks that index, or was built for
        another candidate model.
    """
    manifest = artifacts.read_manifest(directory, KIND)
    artifacts.require_input(manifest, directory, CANDIDATES, candidates)
    held = manifest.facts.get("indexes", [])
    if name not in held:
        raise errors.UserError(
            f"expected an index {name} in {directory}, found {', '.join(held)}: it was "
            f"built where ScaNN does not load; install scann, remove {directory} and "
            f"build it again"
        )
    return _CLASSES[name].load(pathlib.Path(directory) / name)
