"""The index of a run: built once for a candidate model, kept, refused when stale.

`workdir/index/` holds `exact/` and, if that is the search configured and ScaNN loads,
`scann/`, each a SavedModel.
"""

import pathlib
from collections.abc import Mapping
from typing import Any, Literal

from ytdnn import artifacts, configs, errors
from ytdnn.index import brute_force, interface, scann_index

KIND = "index"
CANDIDATES = "candidates"
EXACT, SCANN = "exact", "scann"
Name = Literal["exact", "scann"]
_CLASSES: dict[str, type[interface.Index[Any]]] = {
    EXACT: brute_force.BruteForce,
    SCANN: scann_index.Scann,
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
    kinds: dict[str, configs.Exact | configs.Scann] = {EXACT: configs.Exact()}
    if isinstance(config.search, configs.Scann) and scann_index.is_available():
        kinds[SCANN] = config.search
    facts: dict[str, Any] = {"num_videos": len(vectors), "indexes": list(kinds)}
    with artifacts.publish(
        directory, KIND, configs.to_dict(config), inputs, facts
    ) as partial:
        for name, own in kinds.items():
            _CLASSES[name].build(vectors, own).save(partial / name)


def load(
    directory: pathlib.Path, name: Name, candidates: artifacts.Manifest
) -> interface.Index[Any]:
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
            f"built with --config.index.search=exact, or where ScaNN does not load; "
            f"install scann, remove {directory} and build it again"
        )
    return _CLASSES[name].load(pathlib.Path(directory) / name)
