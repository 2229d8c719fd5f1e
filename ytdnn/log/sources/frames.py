"""Converts frames of pandas and Arrow libraries to Polars, and back.

pandas is imported only if a user passes one of its frames. Polars' own conversion needs
pyarrow; here columns are converted through NumPy or lists.
"""

import importlib
from typing import Any

import polars as pl

from ytdnn.base import errors

_PLAIN_KINDS = "biuf"  # booleans, integers, floats: NumPy arrays as they are
_MICROSECONDS = "datetime64[us]"
_ARROW = "__arrow_c_stream__"


def is_pandas(value: Any) -> bool:
    """Whether a value is a pandas frame."""
    of_pandas = type(value).__module__.split(".")[0] == "pandas"
    return of_pandas and hasattr(value, "columns")


def is_frame(value: Any) -> bool:
    """Whether a value is a frame that `to_polars` can read."""
    if isinstance(value, pl.DataFrame | pl.LazyFrame) or is_pandas(value):
        return True
    # A single column speaks Arrow too.
    return hasattr(value, _ARROW) and hasattr(value, "columns")


def to_polars(frame: Any, name: str) -> pl.LazyFrame:
    """Returns the rows of a frame in their order.

    Args:
      frame: A frame of Polars (a lazy one stays lazy), of pandas (the index is
        dropped), or of any library with the Arrow interface.
      name: Name of the frame in messages.

    Raises:
      errors.UserError: The value is no frame, or a column cannot be read.
    """
    if isinstance(frame, pl.LazyFrame):
        return frame
    if isinstance(frame, pl.DataFrame):
        return frame.lazy()
    if is_pandas(frame):
        columns = {str(label): frame[label] for label in frame.columns}
        if len(columns) < len(frame.columns):
            raise errors.UserError(
                f"expected columns of different names in {name}, received "
                f"{', '.join(map(str, frame.columns))}: rename them"
            )
        return pl.LazyFrame([_column(n, column) for n, column in columns.items()])
    if is_frame(frame):
        return pl.DataFrame(frame).lazy()
    raise errors.UserError(
        f"expected a frame of Polars or pandas in {name}, received "
        f"{type(frame).__name__}"
    )


def _column(name: str, column: Any) -> pl.Series:
    """Returns a column of pandas; missing values are null, NaN of floats stays."""
    dtype = column.dtype
    if dtype.kind in _PLAIN_KINDS and type(dtype).__module__.startswith("numpy"):
        return pl.Series(name, column.to_numpy())
    if dtype.kind == "M":  # with a time zone too: then in UTC
        return pl.Series(name, column.to_numpy(_MICROSECONDS))
    is_missing = column.isna().tolist()
    values = [
        None if missing else _plain(value)
        for value, missing in zip(column.tolist(), is_missing, strict=True)
    ]
    try:
        series = pl.Series(name, values)
        if series.dtype == pl.Object:
            raise TypeError(name)
        return series
    except (TypeError, pl.exceptions.PolarsError):
        # Of several types: text, as in a CSV, for the casts to name what does not fit.
        words = [None if value is None else str(value) for value in values]
        return pl.Series(name, words, pl.String)


def _plain(value: Any) -> Any:
    """Returns NumPy's scalars and arrays as Python's."""
    return value.tolist() if hasattr(value, "tolist") else value


def to_pandas(frame: pl.DataFrame) -> Any:
    """Returns a frame as a pandas frame, without pyarrow."""
    pandas = importlib.import_module("pandas")

    def column(values: pl.Series) -> Any:
        if not values.dtype.is_numeric():
            return values.to_list()
        if values.null_count() and values.dtype.is_integer():
            return pandas.array(values.to_list(), dtype="Int64")
        return values.to_numpy()

    return pandas.DataFrame({values.name: column(values) for values in frame})
