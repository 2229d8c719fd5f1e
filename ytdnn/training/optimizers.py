"""Optimisers: of the tables and of the dense layers, joined by TFRS; their state.

The cost of a step must not grow with the corpus. Adam updates the whole table in each
step; Adagrad and lazy Adam update only the rows of the batch.
"""

import contextlib
import dataclasses
import pathlib
import shutil
import zipfile
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs

from ytdnn.base import configs
from ytdnn.layers import embeddings

TrainingConfig = configs.TrainingConfig
Tensor: TypeAlias = tf.Tensor
Variable: TypeAlias = tf.Variable
Path = pathlib.Path

STATE_FILE = "optimizer.npz"  # of the optimiser, saved with a trained model
_STEPS, _COUNT = "steps", "count"
_MOST_ROWS = 2  # of a table, for each row of the gradient, that are updated at once


class Adagrad(tf.keras.optimizers.legacy.Adagrad):
    """Adagrad for tables, by rows or by a pass over the table, whichever costs less.

    A row without a gradient stays as it is under Adagrad, so both give the same
    numbers, bit by bit. A sparse update costs about 0.35 µs a row here; a pass over a
    table with hardly more rows than the batch costs less. The choice is made when a
    step is compiled, and is the sparse update if the table's size is not static then:
    TensorFlow's optimiser does not accept a condition in the graph.
    """

    def _resource_apply_sparse_duplicate_indices(
        self, grad: Tensor, handle: Variable, indices: Tensor, **kwargs: Any
    ) -> tf.Operation:
        """Updates the rows `indices`, which may repeat, by `grad [n, ...]`."""
        num_rows, size = handle.shape[0], indices.shape[0]
        if size is None or num_rows > _MOST_ROWS * size:
            return super()._resource_apply_sparse_duplicate_indices(
                grad, handle, indices, **kwargs
            )
        summed = tf.math.unsorted_segment_sum(grad, indices, num_rows)
        return self._resource_apply_dense(summed, handle, **kwargs)


class _Schedule(tf.keras.optimizers.schedules.LearningRateSchedule):
    """Cosine decay to zero."""

    def __init__(self, peak: float, num_steps: int, first_step: int = 0) -> None:
        self.peak = peak
        self.num_steps = num_steps
        self.first_step = first_step

    def __call__(self, step: Tensor) -> Tensor:
        step = tf.cast(step - self.first_step, tf.float32)
        done = tf.minimum(1.0, step / max(1, self.num_steps))
        return self.peak * 0.5 * (1.0 + tf.cos(done * 3.14159265))


def make(
    training: TrainingConfig,
    num_steps: int,
    tables: Sequence[Variable],
    dense: Sequence[Variable],
    first_step: int = 0,
) -> tf.keras.optimizers.legacy.Optimizer:
    """Returns one optimiser: the configured ones for `tables`, Adam for `dense`.

    Its state is created here and not at the first step, so that a checkpoint can
    restore it, even for a training without remaining steps.

    Args:
      training: Settings of the learning rates.
      num_steps: Steps of the whole training, for the cosine schedule.
      tables: Embedding tables and other variables looked up by row.
      dense: Every other trainable variable.
      first_step: Number of steps before this training, if its state was carried over.
    """
    length = num_steps, first_step
    table_rate = _Schedule(training.table_learning_rate, *length)
    dense_rate = _Schedule(training.learning_rate, *length)
    pairs = []
    if tables:
        kind = training.table_optimizer
        pairs.append((_one(kind, table_rate, training), list(tables)))
    if dense:
        pairs.append((_one("adam", dense_rate, training), list(dense)))
    for optimizer, owned in pairs:
        optimizer._create_all_weights(owned)  # Keras has no public way
    return tfrs.experimental.optimizers.CompositeOptimizer(
        [(optimizer, lambda owned=owned: owned) for optimizer, owned in pairs]
    )


def _one(
    kind: str, rate: _Schedule, training: TrainingConfig
) -> tf.keras.optimizers.legacy.Optimizer:
    if kind == "adagrad":
        return Adagrad(rate, initial_accumulator_value=training.table_accumulator)
    adam = LazyAdam if kind == "lazy_adam" else tf.keras.optimizers.legacy.Adam
    return adam(rate)


def times(
    gradient: Tensor | tf.IndexedSlices, factor: Tensor
) -> Tensor | tf.IndexedSlices:
    """Returns a gradient times a scalar; a sparse gradient stays sparse."""
    if not isinstance(gradient, tf.IndexedSlices):
        return gradient * factor
    values = gradient.values * factor
    return tf.IndexedSlices(values, gradient.indices, gradient.dense_shape)


class LazyAdam(tf.keras.optimizers.legacy.Adam):
    """Adam with sparse updates that change only the gradient's rows.

    It counts the updates of each row: a row moves as plain Adam would move it if those
    were the only steps. (The lazy Adam of TensorFlow Addons corrects the bias by the
    global step instead, which makes the first moves of a rare row up to three times too
    long.)
    """

    def _create_slots(self, var_list: list[Variable]) -> None:
        super()._create_slots(var_list)
        for variable in var_list:
            self.add_slot(variable, _COUNT, shape=variable.shape[:1])

    def _resource_apply_sparse(
        self, grad: Tensor, var: Variable, indices: Tensor, apply_state: Any
    ) -> tf.Operation:
        """Updates the rows `indices`, all different, by `grad [n, ...]`."""
        rates = apply_state[(var.device, var.dtype.base_dtype)]
        beta_1, beta_2 = rates["beta_1_t"], rates["beta_2_t"]
        of_rows = [-1, *[1] * (len(var.shape) - 1)]
        counts = tf.gather(self.get_slot(var, _COUNT), indices) + 1.0
        mean = tf.gather(self.get_slot(var, "m"), indices)
        mean = beta_1 * mean + (1.0 - beta_1) * grad
        square = tf.gather(self.get_slot(var, "v"), indices)
        square = beta_2 * square + (1.0 - beta_2) * tf.square(grad)
        unbias = tf.sqrt(1.0 - beta_2**counts) / (1.0 - beta_1**counts)
        rate = tf.reshape(rates["lr_t"] * unbias, of_rows)
        step = rate * mean / (tf.sqrt(square) + rates["epsilon"])
        return tf.group(
            set_rows(self.get_slot(var, _COUNT), indices, counts),
            set_rows(self.get_slot(var, "m"), indices, mean),
            set_rows(self.get_slot(var, "v"), indices, square),
            self._resource_scatter_add(var, indices, -step),
        )


def set_rows(variable: Variable, indices: Tensor, rows: Tensor) -> tf.Operation:
    """Overwrites rows of one replica's variable."""
    return tf.raw_ops.ResourceScatterUpdate(
        resource=variable.handle, indices=indices, updates=rows
    )


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


def write_state(optimizer: Any, variables: Sequence[Variable], directory: Path) -> None:
    """Writes the state of a composite optimiser as `STATE_FILE`.

    Args:
      optimizer: Optimiser that `optimizers.make` returned.
      variables: All trained variables, in order.
      directory: Directory of the file.
    """
    parts: dict[str, list[Variable]] = {}
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


def read_state(path: Path) -> State | None:
    """Returns the state in a file; None if there is no file (older versions)."""
    if not path.exists():
        return None
    with np.load(path) as arrays:
        slots = {}
        for name in set(arrays.files) - {_STEPS}:
            number, _, slot = name.partition(".")
            slots[int(number), slot] = arrays[name]
        return State(int(arrays[_STEPS]), slots)


def share_state(work: Path, artefact: Path, name: str = STATE_FILE) -> None:
    """Copies the state of a finished training into its artefact."""
    shutil.copyfile(work / STATE_FILE, artefact / name)


def assign_state(optimizer: Any, variables: Sequence[Variable], state: State) -> None:
    """Loads a state, with slots of the variables' shapes, into an optimiser."""
    for number, name, slot in _slots(optimizer, variables):
        if (number, name) in state.slots:
            slot.assign(state.slots[number, name])
    for each in optimizer.optimizers:
        each.iterations.assign(state.steps)


def _slots(
    optimizer: Any, variables: Sequence[Variable]
) -> Iterator[tuple[int, str, Variable]]:
    """Yields each slot, with its variable's place and its name."""
    for number, variable in enumerate(variables):
        for one in optimizer.optimizers:
            for name in sorted(one.get_slot_names()):
                with contextlib.suppress(KeyError):
                    yield number, name, one.get_slot(variable, name)


def file_of(number: int) -> str:
    """Returns the file of a candidate network's optimiser, within the artefact."""
    return f"{number}.{STATE_FILE}"
