r"""Which settings must take part, so that the best of them is good on any log?

Claim: no one setting of the candidates is best on every log, and a few, chosen greedily
on other logs, hold one that is nearly as good as the best of all (PAPER §3;
docs/defaults.md).

    ytdnn prepare --source=movielens --data_dir=ml-100k --protocol=leave_one_out \
        --workdir=runs/ml-100k
    python -m experiments.portfolio runs/portfolio.json ml-100k=runs/ml-100k …

Each member trains in full on each prepared log, which is skipped where the file holds
its number; the number is the nDCG@10 of its best epoch on validation. Then one log is
left out at a time: members enter by the mean share of the best that the best of those
chosen reaches on the other logs, and the table shows the share on the log left out.

Measured: experiments/results/portfolio.json (docs/results.md), with what contests said
since. No member is best on all kinds of logs, and three that other logs choose reach at
least .94 of the best on a log they have not seen, all of it on six of eight: the claim
holds.
"""

import argparse
import json
import pathlib
import tempfile
from collections.abc import Mapping, Sequence

import rich
from rich import table

from ytdnn import configs
from ytdnn.base import artifacts
from ytdnn.run.pipeline import log_size

Values = dict[str, dict[str, float]]
"""nDCG@10 on validation, by log and member."""

_METRIC = "ndcg@10"


def measured(workdir: pathlib.Path, member: configs.Config) -> float:
    """Returns the nDCG@10 on validation of a member's best epoch.

    Args:
      workdir: Directory of a run, with `data`.
      member: Config of the member.
    """
    from ytdnn.log import prepared
    from ytdnn.training import candidates

    with tempfile.TemporaryDirectory(dir=workdir) as home:
        made = pathlib.Path(home) / "candidates"
        candidates.train(member, prepared.load(workdir / "data"), made)
        facts = artifacts.read_manifest(made, "candidates").facts
    return float(facts["validation"][_METRIC])


def greedy(values: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Returns members in the order in which they enter a portfolio.

    Args:
      values: See `Values`.
    """
    left = list(next(iter(values.values())))
    chosen: list[str] = []
    while left:
        best = max(
            left,
            key=lambda name: sum(share([*chosen, name], of) for of in values.values()),
        )
        left.remove(best)
        chosen.append(best)
    return chosen


def share(members: Sequence[str], of: Mapping[str, float]) -> float:
    """Returns the value of the best of some members, as a share of the best of all."""
    return max(of[name] for name in members) / max(of.values())


def left_out(values: Values, log: str) -> list[tuple[str, float]]:
    """Returns the members that the other logs choose, and what they reach on one.

    Args:
      values: See `Values`.
      log: Log that is left out.
    """
    order = greedy({name: of for name, of in values.items() if name != log})
    return [
        (name, share(order[: number + 1], values[log]))
        for number, name in enumerate(order)
    ]


def main() -> None:
    """Measures what is missing, and prints both tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("logs", nargs="*", metavar="NAME=WORKDIR")
    given = parser.parse_args()
    values: Values = json.loads(given.file.read_text()) if given.file.exists() else {}
    for log, _, workdir in (text.partition("=") for text in given.logs):
        home = pathlib.Path(workdir)
        for name, member in log_size.members(configs.Config(), home).items():
            if name not in values.setdefault(log, {}):
                values[log][name] = measured(home, member)
                given.file.write_text(json.dumps(values, indent=2) + "\n")
    rich.print(_table(values))
    for log in values if len(values) > 1 else ():
        steps = (f"{name} {value:.3f}" for name, value in left_out(values, log))
        rich.print(f"{log} left out: {', '.join(steps)}")


def _table(values: Values) -> table.Table:
    names = list(next(iter(values.values()), {}))
    made = table.Table("log", *names)
    for log, of in values.items():
        best = max(of.values())
        cells = (f"{of[n]:.4f}{' *' if of[n] == best else ''}" for n in names)
        made.add_row(log, *cells)
    return made


if __name__ == "__main__":
    main()
