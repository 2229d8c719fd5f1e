"""The table, the results file, and the picture of what cells recorded."""

import json
import pathlib
from collections.abc import Iterable, Sequence
from typing import Any

from experiments import write_results
from experiments.side_by_side import cells, logs

FILE = write_results.RESULTS / "side_by_side.json"
PICTURE = write_results.PAGE.parent / "figures" / "side_by_side.svg"
_COLUMNS = [
    "system",
    "nDCG@10",
    "hit rate@10",
    "ytdnn less it, nDCG@10",
    "core-seconds",
    "of the fit",
    "of the answers",
    "GiB",
    "lines of code",
]
# The same file for the same numbers: no date, ids from a fixed salt.
_STYLE: Any = {"svg.hashsalt": "ytdnn", "font.size": 9, "axes.titlesize": 9}
_WIDTH = 5.2  # inches, so that a telephone shows the text at three quarters

Record = dict[str, Any]


def by_log(records: Iterable[Record]) -> dict[str, list[Record]]:
    """Returns the records of each log, the best first, then what has no quality."""
    found: dict[str, list[Record]] = {log: [] for log in logs.LOGS}
    for record in records:
        found[record["log"]].append(record)
    return {k: sorted(v, key=_best_first) for k, v in found.items() if v}


def _best_first(record: Record) -> tuple[float, str]:
    return -_ndcg(record), record["system"]


def _ndcg(record: Record) -> float:
    return record["quality"][cells.JUDGE][0] if "quality" in record else -1.0


def name(record: Record) -> str:
    """Returns the name of a row."""
    is_tuned = record["system"].endswith(cells.TUNED)
    return f"{record['title']}{', tuned' * is_tuned}"


def row(record: Record) -> list[str]:
    """Returns a row of the table."""
    if "quality" not in record:
        return [name(record), record["status"], *[""] * (len(_COLUMNS) - 2)]
    quality = [
        "{:.4f} ({:.4f} to {:.4f})".format(*record["quality"][cells.JUDGE]),
        f"{record['quality']['hit_rate@10'][0]:.3f}",
    ]
    ahead = record.get("ahead", ())
    shown = "{:+.4f} ({:+.4f} to {:+.4f})".format(*ahead) if ahead else ""
    spent = (record["seconds"].get(part) for part in ("all", "fit", "answer"))
    lines = str(record["code_lines"] or "a command")
    memory = f"{record['gibibytes']:.1f}" if "gibibytes" in record else ""
    seconds = ["" if number is None else f"{number:,.1f}" for number in spent]
    return [name(record), *quality, shown, *seconds, memory, lines]


def table(records: Sequence[Record]) -> str:
    """Returns the table of one log for the terminal."""
    rows = [_COLUMNS[:7], *(row(record)[:7] for record in records)]
    widths = [max(len(one[i]) for one in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(map(str.ljust, one, widths)).rstrip() for one in rows]
    return "\n".join([f"\n{logs.LOGS[records[0]['log']].title}", *lines])


def lead(found: dict[str, list[Record]], why: dict[str, str]) -> str:
    """Returns the first lines of the page: where others win, where ytdnn, where none.

    Args:
      found: Records by log.
      why: Reason of a log where another system is better, if it is known.
    """
    below, best, level, front, num_fronts = [], [], [], [], 0
    for log, records in found.items():
        title = logs.LOGS[log].title
        rivals = [one for one in records if "ahead" in one]
        ours = next((one for one in records if one["system"] == cells.OWN), None)
        ahead = [one for one in rivals if one["ahead"][2] < 0.0]
        near = [one for one in rivals if one["ahead"][1] <= 0.0]
        if ahead:
            reason = f": {why[log]}" if log in why else ""
            below.append(f"{title} ({', '.join(map(name, ahead))}{reason})")
        elif near:
            level.append(f"{title} ({', '.join(map(name, near))})")
        elif rivals:
            best.append(title)
        spent = ours["seconds"]["all"] if ours is not None else None
        if ours is not None and spent is not None and rivals:
            num_fronts += 1
            is_beaten = any(
                _ndcg(one) >= _ndcg(ours) and one["seconds"]["all"] <= spent
                for one in rivals
            )
            front += [] if is_beaten else [title]
    lost = f"Another system is surely better on {len(below)} of {len(found)} logs"
    return (
        f"{lost}{': ' * bool(below)}{'; '.join(below)}. ytdnn is surely better than "
        f"all others run there on {len(best)}{': ' * bool(best)}{', '.join(best)}"
        f"{'; level with another on ' * bool(level)}{', '.join(level)}; on the front "
        f"of quality against time it is on {len(front)} of the {num_fronts} whose run "
        f"was timed. Surely: by the paired 95 % interval of nDCG@10."
    )


def result(records: Sequence[Record], before: Record) -> Record:
    """Returns the content of the results file.

    Args:
      records: Records of all cells.
      before: Content before; its `why`, `protocol` and `notes` are kept.
    """
    found = by_log(records)
    shown = [one for rows in found.values() for one in rows]
    tables = [
        {
            "caption": f"{logs.LOGS[log].title}, {_users(rows):,} users",
            "columns": _COLUMNS,
            "rows": [row(one) for one in rows],
        }
        for log, rows in found.items()
    ]
    lacks = {one["title"]: one["lacks"] for one in shown if one["lacks"]}
    tables.append(
        {
            "caption": "What a system does not do",
            "columns": ["system", "it lacks"],
            "rows": [list(item) for item in sorted(lacks.items())],
        }
    )
    measured = [
        {
            "what": f"{logs.LOGS[one['log']].title}: {name(one)}",
            **{k: one[k] for k in ("command", "commit", "date", "machine")},
        }
        for one in shown
    ]
    return {
        "order": 9,
        "title": "Side by side",
        "page": "side_by_side.md",
        "lead": lead(found, before["why"]),
        **{key: before[key] for key in ("protocol", "why", "notes")},
        "tables": tables,
        "measured": measured,
        "records": shown,
    }


def _users(records: Sequence[Record]) -> int:
    return max(one.get("users", 0) for one in records)


def write(records: Sequence[Record]) -> None:
    """Writes the results file, the picture and the page.

    Args:
      records: Records of cells; those of other cells in the file are kept.
    """
    before = json.loads(FILE.read_text())
    known = {(one["log"], one["system"]): one for one in before["records"]}
    known |= {(one["log"], one["system"]): one for one in records}
    made = result(list(known.values()), before)
    FILE.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n")
    draw(by_log(made["records"]), PICTURE)
    write_results.main()


def draw(found: dict[str, list[Record]], path: pathlib.Path) -> None:
    """Draws quality against processor time, one panel a log.

    Args:
      found: Records by log.
      path: The picture.
    """
    import matplotlib as mpl
    from matplotlib import pyplot

    with mpl.rc_context(_STYLE):
        height = -(-len(found) // 2)
        size = _WIDTH, 1.9 * height + 3.2
        figure = pyplot.figure(figsize=size, layout="constrained")
        panels = figure.subplots(height, 2, sharex=True, squeeze=False)
        for axes in panels.flat[len(found) :]:
            axes.set_visible(False)
        for axes, (log, records) in zip(panels.flat, found.items(), strict=False):
            _panel(axes, records)
            axes.set(xscale="log", title=logs.LOGS[log].title.replace(" (", "\n("))
            axes.tick_params(labelbottom=True)
            axes.xaxis.set_minor_formatter("")
        figure.supylabel("nDCG@10", size=9)
        figure.supxlabel("core-seconds of the whole cell; a line: not timed", size=9)
        shown = [axes.get_legend_handles_labels() for axes in panels.flat]
        marks = {text: mark for both in shown for mark, text in zip(*both, strict=True)}
        figure.legend(marks.values(), marks, loc="outside upper left", frameon=False)
        figure.savefig(path, metadata={"Date": None})
        pyplot.close(figure)


def _panel(axes: Any, records: Sequence[Record]) -> None:
    order = [cells.OWN, *cells.SYSTEMS]
    for record in records:
        if "quality" not in record:
            continue
        value, low, high = record["quality"][cells.JUDGE]
        spent, system = record["seconds"]["all"], record["system"]
        number = order.index(system.removesuffix(cells.TUNED))
        style = {"color": f"C{number % 10}", "label": name(record)}
        if spent is None:
            axes.axhline(value, lw=1.0, **style)
            continue
        mark = "s" if system.endswith(cells.TUNED) else "o^"[number > 9]
        ends = [[value - low], [high - value]]
        axes.errorbar(spent, value, ends, fmt=mark, ms=4, lw=1.0, **style)
