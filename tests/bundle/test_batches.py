"""Batches of requests: padding, and answers that do not depend on the batch."""

import numpy as np
import pytest

from ytdnn.base import errors, schema
from ytdnn.bundle import batches, signatures

IDS = signatures.Field(schema.WATCHED_VIDEO_IDS, "string", "batch, length", "", "")
TIMES = signatures.Field(schema.WATCH_TIMES, "int64", "batch, length", 0, "")
AGE = signatures.Field(schema.AGE, "float32", "batch", -1.0, "")
FIELDS = {field.name: field for field in (IDS, TIMES, AGE)}


def test_lists_are_padded_in_front_with_what_stands_for_missing() -> None:
    found = batches.inputs(
        [
            {schema.WATCHED_VIDEO_IDS: ["a", "b"], schema.WATCH_TIMES: [5, 6]},
            {schema.AGE: 30.0},
            {schema.WATCHED_VIDEO_IDS: ["c"]},
        ],
        FIELDS,
    )
    assert found[schema.WATCHED_VIDEO_IDS].tolist() == [["a", "b"], ["", ""], ["", "c"]]
    assert found[schema.WATCH_TIMES].tolist() == [[5, 6], [0, 0], [0, 0]]
    assert found[schema.AGE].tolist() == [-1.0, 30.0, -1.0]


def test_requests_of_like_length_share_a_batch() -> None:
    found = batches.group_by_length(np.array([9, 1, 8, 2, 7]), size=2)
    assert [part.tolist() for part in found] == [[1, 3], [4, 2], [0]]


def test_long_requests_share_a_batch_with_few() -> None:
    lengths = np.array([9, 1, 8, 2, 50, 0])
    found = batches.group_by_length(lengths, size=3, most_cells=16)
    assert [part.tolist() for part in found] == [[5, 1, 3], [2], [0], [4]]


def test_a_malformed_request_is_refused() -> None:
    with pytest.raises(errors.UserError, match="expected request keys"):
        batches.inputs([{}, {"watched": []}], FIELDS)
