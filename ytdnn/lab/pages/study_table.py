"""A study (`study_results`) as a table in the terminal, and as Markdown."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rich import console, text

from ytdnn.evaluation import tables

Study = Mapping[str, Any]


def render(study: Study, width: int) -> console.Group:
    """Returns the table of a study, as `study.measure` returns it, and its notes.

    Args:
      study: The study.
      width: Characters of a line; without room, intervals are left out.
    """
    drawn = tables.draw(table(study), width)
    return console.Group(drawn, *(text.Text(note) for note in _notes(study)))


def markdown(study: Study) -> str:
    """Returns the table in Markdown, to be pasted into a docstring."""
    one = table(study)
    rows = [
        one.columns,
        ["---", *["---:"] * (len(one.columns) - 1)],
        *([tables.in_line(cell) for cell in row] for row in one.rows),
    ]
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([one.caption, "", *lines, "", *_notes(study)]) + "\n"


def table(study: Study) -> tables.Table:
    """Returns a row for each variant, and for each reference, such as popularity."""
    shown, variants = study["shown"], study["variants"]
    heading = _heading(study)
    columns = ["variant", *map(heading, shown), "training s"]
    has_vectors = any("vector_width" in variant for variant in variants.values())
    columns += ["vector width", "vector ms"] if has_vectors else []
    has_others = len(variants) > 1 and bool(shown)
    if has_others:
        columns += [f"{heading(shown[0])} minus {study['baseline']}", ""]
    rows: list[list[tables.Cell]] = []
    for name, variant in variants.items():
        row: list[tables.Cell] = [name]
        row += [_number(variant["metrics"].get(metric)) for metric in shown]
        row.append(f"{variant['training_seconds']['mean']:.0f}")
        if has_vectors:
            row += [variant.get("vector_width"), _mean(variant.get("user_vector_ms"))]
        if has_others:
            row += _difference(variant["differences"].get(shown[0]))
        rows.append(row)
    for name, values in study["references"].items():
        known = [values.get(metric.rpartition("/")[2]) for metric in shown]
        if any(value is not None for value in known):
            cells = [tables.NumberCell(value) for value in known]
            empty = [""] * (len(columns) - 1 - len(cells))
            rows.append([name, *cells, *empty])
    return tables.Table(columns, rows, _title(study))


def _heading(study: Study) -> Callable[[str], str]:
    """Returns a metric's name, without the model where all are of one."""
    models = {metric.rpartition("/")[0] for metric in study["shown"]}
    return lambda metric: metric if len(models) > 1 else metric.rpartition("/")[2]


def _mean(value: Mapping[str, Any] | None) -> float | None:
    return None if value is None else value["mean"]


def _number(value: Mapping[str, Any] | None) -> str:
    if value is None or not tables.is_finite(value["mean"]):
        return tables.NONE
    spread = "" if value["spread"] is None else f" ± {value['spread']:.4f}"
    return f"{value['mean']:.4f}{spread}"


def _difference(difference: Mapping[str, float] | None) -> list[tables.Cell]:
    """Returns a difference, and a star if its interval excludes 0."""
    if difference is None:
        return ["", ""]
    star = "*" if difference["low"] > 0.0 or difference["high"] < 0.0 else ""
    ends = difference["low"], difference["high"]
    return [tables.NumberCell(difference["difference"], *ends, "{:+.4f}".format), star]


def _title(study: Study) -> str:
    rules = study["protocol"]
    return (
        f"{rules['name']} protocol, {study['split']} split: {rules['users']:,} users, "
        f"{rules['videos']:,} videos"
    )


def _notes(study: Study) -> Iterator[str]:
    seeds = {tuple(variant["seeds"]) for variant in study["variants"].values()}
    words = " / ".join(", ".join(map(str, some)) for some in sorted(seeds))
    has_several_seeds = max(map(len, seeds)) > 1
    yield (
        f"Evaluated on the {study['split']} split. Seeds: {words}"
        + ("; mean ± standard deviation over them." if has_several_seeds else ".")
    )
    marked = {m for variant in study["variants"].values() for m in variant["marks"]}
    for mark in sorted(marked):
        variants = study["variants"].items()
        names = [name for name, variant in variants if mark in variant["marks"]]
        yield f"{mark[0].upper()}{mark[1:]}: {', '.join(names)}."
    if len(study["variants"]) > 1:
        of_users = "each user" + "'s mean over the seeds" * has_several_seeds
        yield (
            f"Difference to {study['baseline']}: paired by user, of {of_users}, with "
            f"its 95 % interval over users; *: the interval excludes 0."
        )
