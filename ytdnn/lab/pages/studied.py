"""A study (`lab/studies/study.py`) as a table in the terminal, and as Markdown."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import rich.box
from rich import console, table, text

from ytdnn.evaluation.terminal import finite_numbers

Study = Mapping[str, Any]
_NONE = "–"
_OF_VECTORS = (
    "Vector: coordinates that are served, a bias among them; milliseconds to make one "
    "of many users' together."
)
_HALF = "± of a difference: half the width of its 95 % interval."


def render(study: Study, width: int) -> console.Group:
    """Returns the table of a study, as `study.measure` returns it, and its notes.

    Args:
      study: The study.
      width: Characters of a line; where the ends of intervals have no room, half
        their width is shown, and where that has none, nothing of vectors.
    """
    has_vectors = _has_vectors(study)
    shapes = [(_interval, has_vectors), (_half_interval, has_vectors)]
    for interval, with_vectors in (*shapes, (_half_interval, False)):
        result = _table(study, interval, with_vectors)
        if _width(result) <= width:
            break
    notes = [*_notes(study), *([_OF_VECTORS] if with_vectors else [])]
    if interval is _half_interval:
        notes.append(_HALF)
    return console.Group(result, *(text.Text(note) for note in notes))


def _width(result: table.Table) -> int:
    screen = console.Console(width=10_000)
    return result.__rich_measure__(screen, screen.options).maximum


def _table(
    study: Study, interval: Callable[[Mapping[str, float]], str], with_vectors: bool
) -> table.Table:
    head, rows, references = _cells(study, interval, with_vectors)
    result = table.Table(
        title=_title(study),
        box=rich.box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    result.add_column(head[0], no_wrap=True)
    for words in head[1:]:
        result.add_column(_stacked(words), justify="right", no_wrap=True)
    for row in rows:
        result.add_row(*row)
    if references:
        result.add_section()
    for row in references:
        result.add_row(*row, style="dim")
    return result


def _stacked(heading: str) -> str:
    """Returns a heading in narrow lines."""
    if " " in heading:
        return heading.replace(" ", "\n")
    return heading.replace("/", "/\n").replace("@", "\n@")


def markdown(study: Study) -> str:
    """Returns the table in Markdown, narrow enough to be pasted into a docstring."""
    has_vectors = _has_vectors(study)
    head, rows, references = _cells(study, _half_interval, has_vectors)
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows, *references]
    words = ["| " + " | ".join(line) + " |" for line in lines]
    notes = [*_notes(study), *([_OF_VECTORS] if has_vectors else []), _HALF]
    return "\n".join([_title(study), "", *words, "", *notes]) + "\n"


def _cells(
    study: Study, interval: Callable[[Mapping[str, float]], str], with_vectors: bool
) -> tuple[list[str], list[list[str]], list[list[str]]]:
    """Returns the headings, a row for each variant, and one for each reference."""
    shown, variants = study["shown"], study["variants"]
    heading = _heading(study)
    has_others = len(variants) > 1
    head = ["variant", *map(heading, shown), "training s"]
    if with_vectors:
        head += ["vector width", "vector ms"]
    if has_others and shown:
        head.append(f"{heading(shown[0])} minus {study['baseline']}")
    rows = []
    for name, found in variants.items():
        row = [name, *(_number(found["metrics"].get(m)) for m in shown)]
        row.append(f"{found['training_seconds']['mean']:.0f}")
        if with_vectors:
            row += _vector(found)
        if has_others and shown:
            one = found["differences"].get(shown[0])
            row.append(interval(one) if one else "")
        rows.append(row)
    references = []
    for name, values in study["references"].items():
        known = [values.get(metric.rpartition("/")[2]) for metric in shown]
        if any(value is not None for value in known):
            row = [name, *map(_decimals, known)]
            references.append(row + [""] * (len(head) - len(row)))
    return head, rows, references


def _heading(study: Study) -> Callable[[str], str]:
    """Returns a metric's name, without the model where all are of one."""
    models = {metric.rpartition("/")[0] for metric in study["shown"]}
    return lambda metric: metric if len(models) > 1 else metric.rpartition("/")[2]


def _has_vectors(study: Study) -> bool:
    return any("vector_width" in found for found in study["variants"].values())


def _vector(found: Mapping[str, Any]) -> list[str]:
    """Returns the width of a variant's vectors, and the time to compute one."""
    if "vector_width" not in found:
        return [_NONE, _NONE]
    return [str(found["vector_width"]), f"{found['user_vector_ms']['mean']:.2f}"]


def _number(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return _NONE
    spread = "" if found["spread"] is None else f" ± {found['spread']:.4f}"
    return _decimals(found["mean"]) + spread


def _decimals(value: float | None) -> str:
    return f"{value:.4f}" if finite_numbers.is_finite(value) else _NONE


def _interval(one: Mapping[str, float]) -> str:
    if not finite_numbers.is_finite(one["low"]):
        return f"{one['difference']:+.4f}"
    ends = f"[{one['low']:+.4f}, {one['high']:+.4f}]"
    return f"{one['difference']:+.4f} {ends}{_star(one)}"


def _half_interval(one: Mapping[str, float]) -> str:
    if not finite_numbers.is_finite(one["low"]):
        return f"{one['difference']:+.4f}"
    half = (one["high"] - one["low"]) / 2
    return f"{one['difference']:+.4f} ± {half:.4f}{_star(one)}"


def _star(one: Mapping[str, float]) -> str:
    return "*" if one["low"] > 0.0 or one["high"] < 0.0 else " "


def _title(study: Study) -> str:
    protocol = study["protocol"]
    return (
        f"{protocol['name']} protocol, {study['split']} split: "
        f"{protocol['users']:,} users, "
        f"{protocol['videos']:,} videos"
    )


def _notes(study: Study) -> Iterator[str]:
    seeds = {tuple(found["seeds"]) for found in study["variants"].values()}
    words = " / ".join(", ".join(map(str, some)) for some in sorted(seeds))
    several = max(map(len, seeds)) > 1
    yield (
        f"Evaluated on the {study['split']} split. Seeds: {words}"
        + ("; mean ± standard deviation over them." if several else ".")
    )
    marked = {m for found in study["variants"].values() for m in found["marks"]}
    for mark in sorted(marked):
        variants = study["variants"].items()
        names = [name for name, found in variants if mark in found["marks"]]
        yield f"{mark[0].upper()}{mark[1:]}: {', '.join(names)}."
    if len(study["variants"]) > 1:
        of_users = "each user's mean over the seeds" if several else "each user"
        yield (
            f"Difference to {study['baseline']}: paired by user, of {of_users}, with "
            f"its 95 % interval over users; *: the interval excludes 0."
        )
