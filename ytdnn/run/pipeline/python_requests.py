"""Reads the requests to a recommender, in the forms that Python users pass."""

import numbers
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ytdnn.base import errors, schema

if TYPE_CHECKING:
    import polars as pl

Request = Mapping[str, Any]
UserId = str | int
Requests = Any  # UserId | Request | Iterable of them | a frame of Polars or pandas


def read(requests: Requests) -> "pl.Series | list[Any]":
    """Returns the requests: a column of ids if all are user ids, else a list.

    The list has user ids and requests, and may be empty.

    Raises:
      errors.UserError: The argument has another form.
    """
    import polars as pl

    from ytdnn.log.sources import frames

    if frames.is_frame(requests):
        frame = frames.to_polars(requests, "the requests").collect()
        ids = frame[schema.USER_ID] if frame.columns == [schema.USER_ID] else None
        if ids is None or not _are_ids(ids) or not len(ids):
            return _rows(frame)
        return ids
    if isinstance(requests, pl.Series) and _are_ids(requests) and len(requests):
        return requests.rename(schema.USER_ID)
    listed = _listed(requests)
    if not listed or any(isinstance(one, Mapping) for one in listed):
        return listed
    names = [user_id(one) for one in listed]
    if len({type(one) for one in names}) > 1:
        names = [str(one) for one in names]
    return pl.Series(schema.USER_ID, names)


def _are_ids(column: "pl.Series") -> bool:
    """Whether a column has integers or texts, without missing values."""
    import polars as pl

    is_id = column.dtype.is_integer() or column.dtype == pl.String
    return is_id and not column.null_count()


def _listed(requests: Requests) -> list[Any]:
    """Returns the requests as a list of user ids and requests."""
    if isinstance(requests, Mapping | str | numbers.Integral):
        return [requests]
    if hasattr(requests, "tolist"):  # an array or a column
        return list(requests.tolist())
    try:
        return list(requests)
    except TypeError:
        raise errors.UserError(
            f"expected user ids, requests or a frame to recommend for, received "
            f"{type(requests).__name__}"
        ) from None


def _rows(frame: "pl.DataFrame") -> list[dict[str, Any]]:
    """Returns the rows of a frame; times as seconds, as the log has them."""
    import polars as pl

    times = pl.col(pl.Datetime, pl.Date).dt.epoch("s")
    return frame.with_columns(times).to_dicts()


def user_id(request: Any) -> UserId:
    """Returns a user id as Python's integer or text.

    Raises:
      errors.UserError: The value is no id.
    """
    value = plain(request)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise errors.UserError(
            f"expected a user id or a request (a dict), received "
            f"{type(request).__name__} {request!r}"
        )
    return value


def plain(value: Any) -> Any:
    """Returns a NumPy value as a Python value, and whole floats as integers.

    pandas turns integers into floats if one is missing.
    """
    value = value.tolist() if hasattr(value, "tolist") else value
    value = list(value) if isinstance(value, tuple | set) else value
    is_whole = isinstance(value, float) and value.is_integer()
    return int(value) if is_whole else value


def is_missing(value: Any) -> bool:
    """Whether a value of a frame is null or NaN."""
    return value is None or (isinstance(value, float) and value != value)


def length(request: Request) -> int:
    """Returns the number of watches in a request's history."""
    watched = request.get(schema.WATCHED_VIDEO_IDS)
    return len(watched) if isinstance(watched, list) else 0
