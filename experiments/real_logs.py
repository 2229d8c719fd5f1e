r"""Writes the table of logs beside their best baselines, by each protocol.

    ytdnn run --source=log --data_dir=globo-clicks --files=watches=clicks \
        --columns=watches.video_id=article_id --workdir=runs/globo
    python -m experiments.real_logs "news clicks=runs/globo"

Each log is a finished run by `NAME=WORKDIR`, with no setting given, or several that
differ by their seed, `NAME=WORKDIR,WORKDIR`. The file
experiments/results/real_logs.json names them and their commands in `measured`; table,
commits and dates are written anew, and `python -m experiments.write_results` draws
docs/results.md.

Protocols: of `ytdnn evaluate`. The best baseline is that of the measured window itself,
which favours it. Differences are paired by user, with 95 % intervals.
"""

import argparse
import json
import math
import pathlib
from collections.abc import Iterator, Sequence

from experiments import write_results
from ytdnn import configs
from ytdnn.base import errors, formats
from ytdnn.base.metrics import metric_names
from ytdnn.evaluation import compare, lists, report_files, tables

FILE = write_results.RESULTS / "real_logs.json"
COLUMNS = ["log", "protocol", "metric", "ytdnn", "best baseline", "ytdnn less baseline"]
# Prefix of the protocol, the system that is judged, and the metric.
_JUDGED = (
    (metric_names.REQUESTS, lists.CANDIDATES, "hit_rate@10"),
    (metric_names.REQUESTS, lists.CANDIDATES, "ndcg@10"),
    ("", lists.CANDIDATES, "ndcg@10"),
    ("", lists.SYSTEM, "true_watch_seconds@10"),
)

Row = list[str]


def rows(name: str, found: report_files.Evaluation) -> Iterator[Row]:
    """Yields a row for each protocol and metric of a report.

    Args:
      name: Name of the log.
      found: Its evaluation.

    Raises:
      errors.UserError: The candidates did not go on learning, as today's product does.
    """
    report, value = found.report, found.number
    rules, asked = report.protocol, report.requests
    if rules.name == "temporal" and lists.AS_TRAINED not in report.lists:
        raise errors.UserError(
            f"expected candidates that went on learning in {found.path}, found those "
            f"as trained: run `ytdnn run` again, with no setting given"
        )
    for prefix, system, metric in _JUDGED:
        rivals, over = [lists.POPULARITY, *lists.BASELINES], ""
        if prefix and asked is not None:
            rivals, over = [*rivals, asked.best_count], f"requests ({asked.requests:,})"
        known = {rival: value(prefix + rival, metric) for rival in rivals}
        known = {rival: number for rival, number in known.items() if number >= 0.0}
        own = value(prefix + system, metric)
        if not known or math.isnan(own):
            continue
        rival = max(known.items(), key=lambda item: item[1])
        ahead: Sequence[float | None] = _ahead(found, prefix, metric, rival[0], system)
        if prefix and asked is not None and rival[0] == asked.rival:
            ahead = asked.ahead[system][metric]
        over = over or f"lists ({rules.users:,} users)"
        yield _row((name, over, metric), own, rival, ahead)
    for kind, best in report.best_baselines.items():
        own, ahead = value("ranker", best.judge), best.ahead[best.judge]
        other, over = own - (ahead[0] or 0.0), f"impressions, by {kind}"
        yield _row((name, over, best.judge), own, (best.name, other), ahead)


def joined(seeds: Sequence[Sequence[Row]]) -> Iterator[Row]:
    """Yields each row of the first seed, with the numbers of the others beside it.

    Args:
      seeds: Rows of the same log, equally many of each seed.
    """
    for one in zip(*seeds, strict=True):
        own, less = (", ".join(row[place] for row in one) for place in (3, 5))
        rivals = ", ".join(dict.fromkeys(row[4] for row in one))
        yield [*one[0][:3], own, rivals, less]


def _ahead(
    found: report_files.Evaluation, prefix: str, metric: str, rival: str, system: str
) -> tuple[float, float, float]:
    """Returns a system less a rival, paired by user, with its interval."""
    given = (), configs.EvaluationConfig(), (rival, system)
    for one in compare.compare(found, found, *given).differences:
        is_asked = one.model.startswith(metric_names.REQUESTS)
        if one.metric == metric and is_asked == bool(prefix):
            return one.difference, one.low, one.high
    return math.nan, math.nan, math.nan


def _row(
    place: tuple[str, str, str],
    own: float,
    rival: tuple[str, float],
    ahead: Sequence[float | None],
) -> Row:
    """Returns a row of the table.

    Args:
      place: Log, protocol and metric.
      own: The number of ytdnn.
      rival: Name and number of the best baseline.
      ahead: The difference with its interval, if that is known.
    """
    shown = "{:,.0f}" if own >= 10.0 else "{:.3f}" if own >= 0.02 else "{:.4f}"
    difference, low, high = map(shown.replace("{:", "{:+").format, ahead)
    interval = "" if low == "+nan" else f" ({low} to {high})"
    return [
        *(*place[:2], metric_names.title(place[2]), shown.format(own)),
        f"{tables.model_title(rival[0])} {shown.format(rival[1])}",
        f"{difference}{interval}",
    ]


def main(argv: Sequence[str] | None = None) -> None:
    """Writes rows of the results file; those of logs without a run here stay.

    Args:
      argv: Arguments; default: those of the process.

    Raises:
      errors.UserError: The file does not name the log of a run.
    """
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("runs", nargs="+", metavar="NAME=WORKDIR[,WORKDIR]")
    named = [text.partition("=") for text in parser.parse_args(argv).runs]
    found = {
        name: [report_files.read(pathlib.Path(path)) for path in paths.split(",")]
        for name, _, paths in named
    }
    result = json.loads(FILE.read_text())
    logs = [origin["what"] for origin in result["measured"]]
    if not set(found) <= set(logs):
        raise errors.UserError(
            f"expected runs of logs that `measured` in {FILE} names with their "
            f"command ({', '.join(logs)}), received {', '.join(found)}"
        )
    kept = [row for table in result["tables"] for row in table["rows"]]
    shown: list[Row] = []
    for name in logs:
        if name in found:
            shown += joined([list(rows(name, seed)) for seed in found[name]])
        else:
            shown += [row for row in kept if row[0] == name]
    result["tables"] = [{"caption": "", "columns": COLUMNS, "rows": shown}]
    for origin in (o for o in result["measured"] if o["what"] in found):
        made = found[origin["what"]][0].report.made
        commit = (made.git_commit or "").partition("-")[0]
        origin |= {"commit": commit[:8], "date": made.time[:10]}
    FILE.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    print(f"{FILE.name}: {formats.counted(len(found), 'log')}")


if __name__ == "__main__":
    main()
