"""Refuses sizes beyond the available memory before the work starts.

The kernel kills a process that allocates too much, without a message. The arrays of a
few settings are estimated, on the low side: a refused setting cannot work, but an
accepted one may still need too much in total.
"""

import itertools
from typing import Any

from ytdnn.base import configs, environment, errors

available = environment.available_memory
_FLOAT = 4.0  # bytes
_GIGA = 1e9
_LEAST_ROWS = 1_024  # of a batch, of however few events


def require(config: configs.Config, size: configs.LogSize | None, stage: str) -> None:
    """Checks that the tables, layers and batches of a stage fit into memory.

    Args:
      config: Config of the run.
      size: Size of the prepared log; None: unknown, and nothing is checked.
      stage: `candidates` or `ranking`.

    Raises:
      errors.UserError: One of them does not fit.
    """
    if size is None:
        return
    one = getattr(config, stage)
    events = size.watches if stage == "candidates" else size.impressions
    dim, widths = one.embedding_dim, (one.embedding_dim, *one.tower)
    batch = min(one.training.batch_size, max(events, _LEAST_ROWS))
    rows = max(1, batch // getattr(getattr(one, "label", None), "slice_length", 1))
    weights = sum(float(a) * b for a, b in itertools.pairwise(widths))
    # Tables and layers with the optimiser's state.
    _require(f"{stage}.embedding_dim", dim, 2 * _FLOAT * dim * size.videos)
    _require(f"{stage}.tower", one.tower, 2 * _FLOAT * weights)
    _require(
        f"{stage}.history_length",
        one.history_length,
        _FLOAT * dim * rows * one.history_length,
    )


def require_world(world: configs.WorldConfig) -> None:
    """Checks that the corpus and the users of a synthetic world fit into memory.

    Args:
      world: Settings of the world.

    Raises:
      errors.UserError: They do not fit.
    """
    for name in ("num_videos", "num_users"):
        number = getattr(world, name)
        _require(f"data.world.{name}", number, 16 * _FLOAT * number)


def _require(key: str, value: Any, needed: float) -> None:
    there = available()
    if needed > there:
        shown = f"{value:,}" if isinstance(value, int) else ",".join(map(str, value))
        raise errors.UserError(
            f"expected config.{key} to fit into the {there / _GIGA:.3g} GB of memory "
            f"available, received {shown}, which needs at least "
            f"{needed / _GIGA:.3g} GB: lower it"
        )
