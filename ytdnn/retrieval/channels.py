"""Channels of videos, and what of them a composition needs."""

import numpy as np
import numpy.typing as npt
import polars as pl

from ytdnn import configs, errors, schema
from ytdnn.data import prepared

_NEEDED = {
    "num_fresh_uploads": (schema.CHANNEL_ID, schema.UPLOAD_TIME),
    "max_per_channel": (schema.CHANNEL_ID,),
}


def require(composition: configs.Composition, data: prepared.PreparedData) -> None:
    """Checks that the log has the columns that a composition needs.

    Raises:
      errors.UserError: It lacks one.
    """
    for setting, columns in _NEEDED.items():
        for column in columns if getattr(composition, setting) else ():
            name = f"{schema.VIDEOS}.{column}"
            if name not in data.columns:
                raise errors.UserError(
                    f"expected {name} in the log for config.composition.{setting}, "
                    f"found none in {data.directory}: add the column, or set it to 0"
                )


def of(data: prepared.PreparedData) -> npt.NDArray[np.int32]:
    """Returns the channel of each catalogue index, from 1 on, 0 = unknown."""
    ids = data.videos[schema.CHANNEL_ID].cast(pl.String)
    ranks = ids.rank("dense").fill_null(0).to_numpy().astype(np.int32)
    return np.append(np.int32(0), ranks)
