"""The state of an optimiser, saved with a trained model for later training."""

import contextlib
import dataclasses
import pathlib
import shutil
import zipfile
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ytdnn.layers import embeddings

STATE_FILE = "optimizer.npz"  # of the optimiser, saved with a trained model
_STEPS = "steps"


@dataclasses.dataclass(frozen=True)
class State:
    """Slots of an optimiser, with which a refresh continues.

    Rows that were updated often take small steps, those of new videos large ones
    (docs/freshness.md).

    Attributes:
      steps: Number of steps so far.
      slots: Slots by the variable's place among the trained ones, and the slot's name.
    """

    steps: int
    slots: dict[tuple[int, str], np.ndarray]


def write_state(
    optimizer: Any, variables: Sequence[tf.Variable], directory: pathlib.Path
) -> None:
    """Writes the state of a composite optimiser as `STATE_FILE`.

    Args:
      optimizer: Optimiser that `optimizers.make` returned.
      variables: All trained variables, in order.
      directory: Directory of the file.
    """
    parts: dict[str, list[tf.Variable]] = {}
    whole = embeddings.numbered(variables)
    for number, name, slot in _slots(optimizer, variables):
        parts.setdefault(f"{whole[number]}.{name}", []).append(slot)
    steps = np.int64(optimizer.optimizers[0].iterations.numpy())
    # As `np.savez`, but with one slot in memory at a time.
    with zipfile.ZipFile(directory / STATE_FILE, "w") as archive:
        for key, slots in parts.items():
            values = [slot.numpy() for slot in slots]  # shards, one behind another
            _add(
                archive, key, values[0] if len(values) == 1 else np.concatenate(values)
            )
        _add(archive, _STEPS, steps)


def _add(archive: zipfile.ZipFile, key: str, values: Any) -> None:
    with archive.open(f"{key}.npy", "w", force_zip64=True) as entry:
        np.lib.format.write_array(entry, np.asanyarray(values))


def read_state(path: pathlib.Path) -> State | None:
    """Returns the state in a file; None if there is no file (older versions)."""
    if not path.exists():
        return None
    with np.load(path) as arrays:
        slots = {}
        for name in set(arrays.files) - {_STEPS}:
            number, _, slot = name.partition(".")
            slots[int(number), slot] = arrays[name]
        return State(int(arrays[_STEPS]), slots)


def share_state(
    work: pathlib.Path, artefact: pathlib.Path, name: str = STATE_FILE
) -> None:
    """Copies the state of a finished training into its artefact."""
    shutil.copyfile(work / STATE_FILE, artefact / name)


def assign_state(
    optimizer: Any, variables: Sequence[tf.Variable], state: State
) -> None:
    """Loads a state, with slots of the variables' shapes, into an optimiser."""
    for number, name, slot in _slots(optimizer, variables):
        if (number, name) in state.slots:
            slot.assign(state.slots[number, name])
    for each in optimizer.optimizers:
        each.iterations.assign(state.steps)


def _slots(
    optimizer: Any, variables: Sequence[tf.Variable]
) -> Iterator[tuple[int, str, tf.Variable]]:
    """Yields each slot, with its variable's place and its name."""
    for number, variable in enumerate(variables):
        for one in optimizer.optimizers:
            for name in sorted(one.get_slot_names()):
                with contextlib.suppress(KeyError):
                    yield number, name, one.get_slot(variable, name)


def file_of(number: int) -> str:
    """Returns the file of a candidate network's optimiser, within the artefact."""
    return f"{number}.{STATE_FILE}"
