"""The JSON schema of report.json, made from its types.

python -m ytdnn.evaluation.report_schema > report.schema.json
"""

import dataclasses
import inspect
import json
from typing import Any

from ytdnn.base import docstrings
from ytdnn.evaluation import report_parts, report_types

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """Returns the schema, with the words of the docstrings as descriptions."""
    json_schema = report_types.ADAPTER.json_schema(mode="serialization")
    version = report_types.FORMAT_VERSION
    _describe(json_schema, report_types.Report)
    for name, part in json_schema["$defs"].items():
        _describe(part, _part(name))
    title = f"ytdnn evaluation report, format version {version}"
    return {"$schema": _DIALECT} | json_schema | {"title": title}


def _part(name: str) -> type:
    """Returns the type of a part of the report by its name."""
    for module in (report_types, report_parts):
        part = getattr(module, name, None)
        if dataclasses.is_dataclass(part) and isinstance(part, type):
            return part
    raise ValueError(f"expected a part of the report, received {name}")


def _describe(part: dict[str, Any], cls: type) -> None:
    """Adds the descriptions of a type and of its fields from the docstring."""
    part["description"] = (inspect.getdoc(cls) or "").partition("\n")[0]
    for name, text in docstrings.attributes(cls).items():
        field = part["properties"][name]
        field.pop("title", None)
        field["description"] = text


if __name__ == "__main__":
    print(json.dumps(schema(), indent=2))
