"""The schema is that of the types: it refuses what they refuse."""

import copy
import dataclasses
import json
from typing import Any

import jsonschema
import pydantic
import pytest

from tests.evaluation import example
from ytdnn.base import docstrings
from ytdnn.evaluation import report_parts, report_schema, report_types

SCHEMA = report_schema.schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def test_a_whole_report_is_valid() -> None:
    VALIDATOR.check_schema(SCHEMA)
    VALIDATOR.validate(report_types.to_dict(example.typed()))


def _without(report: dict[str, Any]) -> None:
    del report["lists"]


def _of_another_version(report: dict[str, Any]) -> None:
    report["format_version"] = 2


def _with_a_leak(report: dict[str, Any]) -> None:
    report["leaks"]["inputs_at_or_after_label"] = 1


def _with_words_for_a_number(report: dict[str, Any]) -> None:
    report["lists"]["candidates"]["values"]["recall@10"] = "high"


def _of_half_an_interval(report: dict[str, Any]) -> None:
    report["lists"]["candidates"]["intervals"]["recall@10"] = [0.5]


@pytest.mark.parametrize(
    "change",
    [
        _without,
        _of_another_version,
        _with_a_leak,
        _with_words_for_a_number,
        _of_half_an_interval,
    ],
)
def test_what_is_no_report_is_refused_by_types_and_schema(change: Any) -> None:
    report = copy.deepcopy(example.report())
    change(report)
    assert not VALIDATOR.is_valid(report)
    with pytest.raises(pydantic.ValidationError):
        report_types.from_json(json.dumps(report))


def test_every_field_has_words() -> None:
    for module in (report_parts, report_types):
        for part in vars(module).values():
            if isinstance(part, type) and dataclasses.is_dataclass(part):
                fields = [field.name for field in dataclasses.fields(part)]
                assert set(docstrings.attributes(part)) == set(fields), part
    users = SCHEMA["$defs"]["Protocol"]["properties"]["users"]
    assert (users["type"], users["minimum"]) == ("integer", 1)
    assert users["description"] == "Evaluated users, one request each."


def test_what_is_not_defined_is_null() -> None:
    entry = report_types.Entry(
        values={"a": float("nan"), "b": 1.0}, intervals={"a": (float("inf"), 0.0)}
    )
    assert entry.values == {"a": None, "b": 1.0}
    assert entry.intervals == {"a": (None, 0.0)}
