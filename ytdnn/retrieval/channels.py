"""The channel index of each video, for caps, diversity and excluded channels."""

import numpy as np
import numpy.typing as npt
import polars as pl

from ytdnn.base import configs, errors, schema
from ytdnn.log import catalogues

CHANNEL = f"{schema.VIDEOS}.{schema.CHANNEL_ID}"
UPLOAD = f"{schema.VIDEOS}.{schema.UPLOAD_TIME}"


def require(
    composition: configs.CompositionConfig, catalogue: catalogues.Catalogue
) -> None:
    """Checks that the log has the column that a cap needs.

    Raises:
      errors.UserError: The log has no channels.
    """
    if composition.max_per_channel:
        require_column(catalogue, "max_per_channel")


def require_column(catalogue: catalogues.Catalogue, setting: str) -> None:
    """Checks that the log has channels.

    Args:
      catalogue: The catalogue of the prepared set.
      setting: Name of the setting of a composition that needs them.

    Raises:
      errors.UserError: The log has no channels.
    """
    if CHANNEL not in catalogue.columns:
        default = configs.CompositionConfig()
        raise errors.UserError(
            f"expected {CHANNEL} in the log for config.composition.{setting}, found "
            f"none in {catalogue.directory}: add the column, or set it to "
            f"{getattr(default, setting):g}"
        )


def channel_indices(catalogue: catalogues.Catalogue) -> npt.NDArray[np.int32]:
    """Returns the channel of each catalogue index, from 1 on, 0 = unknown."""
    ids = catalogue.videos[schema.CHANNEL_ID].cast(pl.String)
    ranks = ids.rank("dense").fill_null(0).to_numpy().astype(np.int32)
    return np.append(np.int32(0), ranks)
