"""The indexes of a run: built for a candidate model, saved, and refused when stale.

`workdir/index/` holds a SavedModel for each kind, in a directory of its name: `exact/`
always, and the kinds of the config, `scann/` where ScaNN loads. Where it does not,
`ivf/` serves in its place.
"""

import gc
import pathlib
from collections.abc import Mapping
from typing import Any

from ytdnn.base import artifacts, configs, errors, registries
from ytdnn.retrieval.index import interface, scann_index

KIND = "index"
_LARGE_BYTES = 2**28  # of vectors
CANDIDATES = "candidates"
EXACT, SCANN, IVF = "exact", "scann", "ivf"
_SCANN_ADVICE = ", where scann is installed; if it was not, remove the directory first"


def components(config: configs.IndexConfig) -> dict[str, Any]:
    """Returns the settings of each kind to build; ScaNN's only where it loads."""
    names = dict.fromkeys([EXACT, served(config)])
    classes = {name: registries.INDEXES[name].config for name in names}
    indexes = {name: None if cls is None else cls() for name, cls in classes.items()}
    if config.search.kind in indexes:
        indexes[config.search.kind] = config.search
    if not scann_index.is_available():
        indexes.pop(SCANN, None)
    return indexes


def _class(name: str) -> Any:
    """Returns the class of a kind, a subclass of `interface.Index`."""
    return registries.INDEXES[name].make


def served(config: configs.IndexConfig) -> str:
    """Returns the kind that serves: the configured one, or `ivf` without ScaNN."""
    kind: str = config.search.kind
    return IVF if kind == SCANN and not scann_index.is_available() else kind


def build(
    directory: pathlib.Path,
    vectors: interface.Vectors,
    config: configs.IndexConfig,
    inputs: Mapping[str, str],
) -> None:
    """Builds and publishes the indexes.

    Args:
      directory: Directory of the artefact.
      vectors: `[num_videos, dim] float32`, row i ↔ video index i + 1.
      config: Settings.
      inputs: Fingerprints of the artefacts the vectors come from, `candidates` at
        least.
    """
    kinds = components(config)
    facts: dict[str, Any] = {
        "num_videos": len(vectors),
        "indexes": list(kinds),
        "served": served(config),
    }
    with artifacts.publish(
        directory, KIND, configs.to_dict(config), inputs, facts
    ) as partial:
        for name, own in kinds.items():
            _class(name).build(vectors, own).save(partial / name)
            if vectors.nbytes > _LARGE_BYTES:
                gc.collect()  # its copy of the vectors, before the next one's


def load(
    directory: pathlib.Path, name: str, candidates: artifacts.Manifest
) -> interface.Index[Any]:
    """Loads one index of an artefact.

    Args:
      directory: The artefact.
      name: Name of the index.
      candidates: Manifest of the candidate model of the same run.

    Raises:
      errors.UserError: It is missing, damaged, lacks that index, or was built for
        another candidate model.
    """
    manifest = artifacts.read_manifest(directory, KIND)
    artifacts.require_input(manifest, directory, CANDIDATES, candidates)
    held = manifest.facts.get("indexes", [])
    if name not in held:
        raise errors.UserError(
            f"expected an index {name} in {directory}, found {', '.join(held)}: build "
            f"it again with --config.index.search={name}"
            f"{_SCANN_ADVICE if name == SCANN else ''}"
        )
    return _class(name).load(pathlib.Path(directory) / name)
