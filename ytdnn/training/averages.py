"""Exponential moving averages of the weights; a step costs only the rows it updates.

After step t the average is Σ_s d^(t−s) w_s / Σ_s d^(t−s), s = 1 … t: the random initial
weights do not count. The sum is a slot of the optimiser, so it is saved and
resumed with it, on the device of its variable.

A row that a sparse step does not update stays as it is, and its average approaches it
as sum ← w + d^k · (sum − w) after k such steps. So the step of its last update is
stored for each row, and the sum is updated only when the row is next used.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import tensorflow as tf

from ytdnn.training import lazy_adam

_SUM = "average_sum"
_LAST = "average_last_step"
_KERAS = tf.keras.optimizers.legacy.Optimizer


class _Averaging:
    """Mixin of a legacy optimiser that keeps the sums."""

    ema_decay: float
    touches_only_rows: bool

    def _create_slots(self: Any, var_list: list[tf.Variable]) -> None:
        super()._create_slots(var_list)  # type: ignore[misc]
        for variable in var_list:
            self.add_slot(variable, _SUM)
            if self.touches_only_rows:
                self.add_slot(variable, _LAST, shape=variable.shape[:1])

    def _resource_apply_dense(
        self: Any, grad: tf.Tensor, var: tf.Variable, apply_state: Any
    ) -> tf.Operation:
        super()._resource_apply_dense(grad, var, apply_state)  # type: ignore[misc]
        return self._add_all(var)

    def _resource_apply_sparse_duplicate_indices(
        self: Any, *arguments: Any, **kwargs: Any
    ) -> tf.Operation:
        # By rows always: a pass over all would not know how long each lay still.
        by_rows = _KERAS._resource_apply_sparse_duplicate_indices
        return by_rows(self, *arguments, **kwargs)

    def _resource_apply_sparse(
        self: Any,
        grad: tf.Tensor,
        var: tf.Variable,
        indices: tf.Tensor,
        apply_state: Any,
    ) -> tf.Operation:
        apply = super()._resource_apply_sparse  # type: ignore[misc]
        if not self.touches_only_rows:
            apply(grad, var, indices, apply_state)
            return self._add_all(var)
        before = tf.gather(var, indices)
        apply(grad, var, indices, apply_state)
        return self._add_rows(var, indices, before)

    def _add_all(self: Any, var: tf.Variable) -> tf.Operation:
        """Adds a step's weights to the sum of a variable, every row of it."""
        total = self.get_slot(var, _SUM)
        updates = [total.assign_add((1.0 - self.ema_decay) * (var - total))]
        if _LAST in self.get_slot_names():
            last = self.get_slot(var, _LAST)
            updates.append(last.assign(tf.fill(last.shape, self._step_now())))
        return tf.group(*updates)

    def _add_rows(
        self: Any, var: tf.Variable, indices: tf.Tensor, before: tf.Tensor
    ) -> tf.Operation:
        """Brings rows up to the step before, at `before`, and adds their new values."""
        total, last = self.get_slot(var, _SUM), self.get_slot(var, _LAST)
        still = self._step_now() - 1.0 - tf.gather(last, indices)
        sums = _drifted(tf.gather(total, indices), before, still, self.ema_decay)
        after = tf.gather(var, indices)
        sums += (1.0 - self.ema_decay) * (after - sums)
        now = tf.fill(tf.shape(indices), self._step_now())
        return tf.group(
            lazy_adam.set_rows(total, indices, sums),
            lazy_adam.set_rows(last, indices, now),
        )

    def _step_now(self: Any) -> tf.Tensor:
        """The step under way, from 1; float32 is exact up to 16 million."""
        return tf.cast(self.iterations, tf.float32) + 1.0

    def average(self: Any, var: tf.Variable) -> tf.Tensor:
        """Returns the average of a variable over the steps made, at least one."""
        steps = tf.cast(self.iterations, tf.float32)
        total = tf.convert_to_tensor(self.get_slot(var, _SUM))
        if _LAST in self.get_slot_names():
            still = steps - self.get_slot(var, _LAST)
            total = _drifted(total, tf.convert_to_tensor(var), still, self.ema_decay)
        return total / (1.0 - self.ema_decay**steps)


def averaging(
    optimizer_class: type, ema_decay: float, touches_only_rows: bool
) -> type[tf.keras.optimizers.legacy.Optimizer]:
    """Returns a legacy optimiser's class that also keeps the moving average.

    Args:
      optimizer_class: Class of `tf.keras.optimizers.legacy`.
      ema_decay: Decay, in (0, 1).
      touches_only_rows: Whether its sparse update changes only the gradient's rows.
    """
    settings = {"ema_decay": ema_decay, "touches_only_rows": touches_only_rows}
    name = f"Averaging{optimizer_class.__name__}"
    return type(name, (_Averaging, optimizer_class), settings)


@contextlib.contextmanager
def applied(
    optimizers: Sequence[tf.keras.optimizers.legacy.Optimizer],
    variables: Sequence[tf.Variable],
) -> Iterator[None]:
    """Context in which the variables have their averages as values.

    Args:
      optimizers: Made by `averaging`, each for some of the variables, after at least
        one step.
      variables: All trained variables.
    """
    values = [tf.identity(variable) for variable in variables]
    for variable in variables:
        variable.assign(_owner(optimizers, variable).average(variable))
    yield
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _owner(optimizers: Sequence[Any], variable: tf.Variable) -> Any:
    """Returns the optimiser that has slots of the variable."""
    for optimizer in optimizers:
        with contextlib.suppress(KeyError):
            optimizer.get_slot(variable, _SUM)
            return optimizer
    raise ValueError(f"expected an average of {variable.name}, found none")


def _drifted(
    sums: tf.Tensor, rows: tf.Tensor, still: tf.Tensor, ema_decay: float
) -> tf.Tensor:
    """Returns the sums of rows that lay still for `still [n]` more steps."""
    share = tf.reshape(ema_decay**still, [-1, *[1] * (len(rows.shape) - 1)])
    return rows + share * (sums - rows)
