"""The table of the value of each order on the log in the terminal."""

from rich import table

from ytdnn.evaluation import report_parts
from ytdnn.evaluation.terminal import finite_numbers, names

TITLE = "The order on this log"
SHARES = ("first_quarter_share", "first_half_share")
HEADINGS = {
    "first_quarter_share": "first quarter",
    "first_half_share": "first half",
    "list_ndcg": "nDCG",
    "grouped_auc": "grouped AUC",
}


def terminal_table(found: report_parts.ShownLists, with_intervals: bool) -> table.Table:
    """Returns the lists as a table of the terminal.

    Args:
      found: The lists.
      with_intervals: Whether there is room for intervals.
    """
    metrics = list(next(iter(found.systems.values())))
    what = "clicks" if found.gain == "clicks" else "watch time"
    result = table.Table(title=f"{TITLE}: share of the {what} shown")
    result.add_column("order of each user's videos", overflow="fold")
    for metric in metrics:
        result.add_column(HEADINGS[metric], justify="right", overflow="fold")
    for name, values in found.systems.items():
        cells = [_cell(metric, values[metric], with_intervals) for metric in metrics]
        result.add_row(names.model(name), *cells)
    return result


def _cell(metric: str, three: report_parts.WithInterval, with_interval: bool) -> str:
    value, *ends = three
    if value is None:
        return "–"
    scale, decimals = (100.0, 1) if metric in SHARES else (1.0, 3)
    unit = " %" if metric in SHARES else ""
    known = finite_numbers.finite(ends)
    half = ""
    if len(known) == 2 and known[1] > known[0] and with_interval:
        half = f" ± {scale * (known[1] - known[0]) / 2.0:.{decimals}f}"
    return f"{scale * value:.{decimals}f}{half}{unit}"
