"""The table of all features in `docs/features.md`, made from their declarations.

    python docs/feature_table.py docs/features.md

replaces the table between the two marks of that page.
"""

import inspect
import pathlib
import re
import sys
from collections.abc import Sequence

import polars as pl

from ytdnn.base import errors, schema
from ytdnn.features import (
    base_feature,
    column_features,
    counters,
    encodings,
    feature_choice,
    first_stage_features,
)
from ytdnn.log import io_fields, prepared

BEGIN = "<!-- Made by: python docs/feature_table.py docs/features.md -->"
END = "<!-- End of what is made. -->"
_HEAD = (
    "feature",
    "read by",
    "scope",
    "columns of the log",
    "kind",
    "encoding",
    "keys of a request (value for missing)",
    "what it is",
)
_SCOPES = {
    base_feature.Scope.USER: "user",
    base_feature.Scope.REQUEST: "request",
    base_feature.Scope.VIDEO: "video",
    base_feature.Scope.PAIR: "user and video",
}
_ENCODINGS = (
    (encodings.Categorical, "embedding"),
    (encodings.Continuous, "quantiles"),
    (encodings.Share, "share"),
)
_CITATION = re.compile(r" \([A-Z]+ §[^)]*\)")


def markdown() -> str:
    """Returns the table of every declared feature, in order of their scope."""
    features = sorted(feature_choice.built_in(), key=lambda feature: feature.scope)
    rows = [_HEAD, tuple("---" for _ in _HEAD), *map(_row, features)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def renewed(text: str) -> str:
    """Returns a page with the table between the two marks replaced.

    Raises:
      errors.UserError: The page lacks the marks.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise errors.UserError(
            f"expected a page with the lines {BEGIN} and {END}, found one without: add "
            f"them where the table belongs"
        )
    return f"{before}{BEGIN}\n\n{markdown()}\n\n{END}{after}"


def _row(feature: base_feature.Feature) -> tuple[str, ...]:
    return (
        f"`{feature.name}`",
        _networks(feature),
        _SCOPES[feature.scope],
        ", ".join(f"`{column}`" for column in feature.columns),
        _kind(feature),
        next((e for cls, e in _ENCODINGS if isinstance(feature, cls)), "its own"),
        _request(feature),
        _meaning(feature),
    )


def _networks(feature: base_feature.Feature) -> str:
    """Returns the networks that can read it; those in bold do by default."""
    bold = {network: f"**{network}**" for network in feature.default_in}
    return ", ".join(bold.get(name, name) for name in sorted(feature.networks))


def _kind(feature: base_feature.Feature) -> str:
    if isinstance(feature, base_feature.TrainingOnly):
        return f"training-only; {feature.serving_value:g} when serving"
    if isinstance(feature, counters.Counter):
        return "counter"
    if isinstance(feature, first_stage_features.ReplayedFeature):
        return "replayed by the first stage"
    return "read at request time"


def _request(feature: base_feature.Feature) -> str:
    found = []
    for field in feature.fields(_empty_catalogue()):
        is_id = field.name == schema.IMPRESSION_VIDEO_IDS
        missing = "none" if is_id else _value(field)
        found.append(f"`{field.name}` ({missing})")
    return ", ".join(found) or "–"


def _value(field: io_fields.Field) -> str:
    if field.missing == "":
        return "empty"
    return (
        f"{field.missing:g}" if isinstance(field.missing, float) else str(field.missing)
    )


def _meaning(feature: base_feature.Feature) -> str:
    """Returns the text of its class; of a column, the name."""
    is_age = isinstance(feature, column_features.Age)
    if type(feature).__module__ == column_features.__name__ and not is_age:
        table, column = feature.columns[0].split(".", 1)
        return f"The {table.removesuffix('s')}'s {column.replace('_', ' ')}."
    text = (inspect.getdoc(type(feature)) or "").partition("\n\n")[0]
    return _CITATION.sub("", " ".join(text.split())).replace("|", "\\|")


def _empty_catalogue() -> prepared.Catalogue:
    """Returns a catalogue without videos, enough to list features' fields."""
    videos = pl.DataFrame(schema={schema.VIDEO_ID: pl.String})
    return prepared.Catalogue(pathlib.Path(), {}, videos, pl.DataFrame(), {})


def main(argv: Sequence[str]) -> None:
    """Replaces the table of the given page; without a page, prints it."""
    if not argv:
        print(markdown())
    for page in map(pathlib.Path, argv):
        page.write_text(renewed(page.read_text()))


if __name__ == "__main__":
    main(sys.argv[1:])
