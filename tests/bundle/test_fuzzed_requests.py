"""Random requests: refused in a line, or answered with finite scores."""

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bundle import conftest
from ytdnn.base import errors
from ytdnn.bundle import batches, bundle, requests

_TEXTS = st.one_of(
    st.sampled_from(["video 1", "video 2", "video 43", "", "de", "M"]), st.text()
)
_NUMBERS = st.one_of(
    st.integers(0, 10),
    st.sampled_from([-1, 0, 1_650_000_000, 2**31, 2**63, 2**64, -(2**70)]),
    st.floats(),
)
_SCALARS = st.one_of(_TEXTS, _NUMBERS, st.booleans(), st.none())
_ANY = st.one_of(
    _SCALARS,
    st.lists(_SCALARS, max_size=5),
    st.dictionaries(_TEXTS, _SCALARS, max_size=2),
)
_GOOD: dict[str, st.SearchStrategy[Any]] = {
    "string": _TEXTS,
    "int64": st.integers(0, 4_102_444_800),
    "int32": st.integers(0, 1),
    "float32": st.floats(0, 150, width=32),
}


@st.composite
def _requests(draw: st.DrawFn, fields: requests.Fields) -> dict[str, Any]:
    """Draws a request whose lists fit each other, then perhaps spoils a key."""
    length = draw(st.integers(0, 6))
    found: dict[str, Any] = {}
    for name, field in fields.items():
        if draw(st.booleans()):
            continue
        good = _GOOD[field.dtype]
        if field.is_list:
            good = st.lists(good, min_size=length, max_size=length)
        found[name] = draw(good)
    if draw(st.booleans()):
        keys = st.one_of(st.sampled_from(list(fields)), _TEXTS)
        found[draw(keys)] = draw(_ANY)
    return found


def _check(run: conftest.Run, data: st.DataObject, number: int) -> None:
    """Parses some requests, and answers those that are well-formed in one batch."""
    fields = run.bundle.inputs(bundle.RECOMMENDER + bundle.EXACT)
    good = []
    for _ in range(number):
        request = data.draw(_requests(fields))
        try:
            requests.parse(request, fields)
        except errors.UserError:  # one line always
            continue
        assert all("\n" not in line for line in run.bundle.warnings(request))
        good.append(request | {"k": min(request.get("k") or 3, 50)})
    for answer in run.bundle.answer(good[: batches.MAX_REQUESTS], exact=True):
        assert all(math.isfinite(score) for score in answer.scores)
        assert len(answer.video_ids) == len(set(answer.video_ids)) <= 50
        json.dumps(answer.scores, allow_nan=False)


@settings(max_examples=15)
@given(st.data())
def test_random_requests_are_answered_or_refused_in_a_line(
    run: conftest.Run, data: st.DataObject
) -> None:
    _check(run, data, number=8)


@pytest.mark.slow
@pytest.mark.timeout(7_200)
@settings(max_examples=12_500)
@given(st.data())
def test_a_hundred_thousand_random_requests(
    run: conftest.Run, data: st.DataObject
) -> None:
    _check(run, data, number=8)
