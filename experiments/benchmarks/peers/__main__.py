"""Does the same tower train faster here than in other libraries, and as well?

Claim, an aim: three times the examples a second of the best peer for the same tower, at
no lower HR@10 after equal epochs; at a million videos too. It does not hold: with as
many negatives ours is 1.5 times as fast as TFRS, with twice as many level with it.

    python -m experiments.benchmarks.peers --data=ml-1m.zip

One averaged bag of the last 50 watches, 64 dims, hidden layers 128-64, batch 1,024.
Each system is a script of this package, which trains by its library's own loop in a
process of its own; `--parts rates hits large` and `--only` choose. An example is one
label.

- ytdnn: its own training step, from a `Config`: 1,024 sampled negatives and the 1,023
  of the batch, corrected; Adagrad of 0.1 for tables, Adam of 0.001 for the rest.
- TFRS, as its tutorials write it: `tasks.Retrieval` with the 1,023 of the batch,
  Adagrad of 0.1, Keras' `fit` over a cache of batches.
- torch-rechub's YoutubeDNN, as its script for MovieLens: `MatchTrainer`, list-wise,
  negatives of each example's own (1,024, or the script's 3), cosine, Adam of 0.001.
- RecTools' SASRec and HSTU at their defaults: 256 dims, two blocks, the last 100
  watches, full softmax, Adam of 0.001. HSTU sees the request's time.

All processes have the same one core and one thread, and seconds are the processor's, so
that other work on the machine is not counted. In turns (ours, A, ours, B and so on) a
rate is a median, and a ratio the median over pairs of turns. Where a library wants its
examples made before training, turns have 102,400 of them, and their making is not
counted. TFRS reads from its full cache. HR@10: MovieLens-1M, leave-one-out, order
`seq`, all 3,416 films ranked by the same function, watched ones removed, trained on all
films but the last, the request's time not seen. A million videos: a made log of two
million watches, whose rates and memory alone are measured.

Measured 2026-11-26, two cores of an AMD EPYC, beside other work (load 4 to 7), seed 0,
by `--parts rates` (turns of 3 s) and `--parts large` (of 2 s) with `--only TFRS
YoutubeDNN SASRec`, three turns each; MiB of 3,416 videos are those of the whole log:

| | 3,416 videos | ours / it | MiB | 1,000,000 videos | ours / it | MiB |
|---|---|---|---|---|---|---|
| ytdnn | 45,180 | 1.00 | 923 | 36,794 | 1.00 | 2,223 |
| TFRS tutorial | 43,861 | 1.02 | 1,531 | 23,639 | 1.51 | 1,836 |
| torch-rechub, 1,024 negatives | 380 | 121 | 2,867 | 277 | 133 | 3,182 |
| torch-rechub, 3 negatives | 45,578 | 0.96 | 695 | 1,045 | 35.3 | 2,190 |
| RecTools SASRec | 2,715 | 16.7 | 1,787 | falls out | | |

RecTools falls out of a million videos: the logits of one batch would be 51 GB (12 GiB
are allowed). Other settings of ours, at 3,416 videos, in a run of their own
(`--parts rates --turn_seconds=2 --only "sampled alone" in-batch TFRS`, load 3), since
sampled negatives alone have no score of another's label; before that they had 46,662:

| | examples/s | ours / it | of TFRS |
|---|---|---|---|
| ytdnn | 45,120 | 1.00 | 0.93 |
| ytdnn, in-batch alone | 72,992 | 0.61 | 1.51 |
| ytdnn, sampled alone | 75,415 | 0.60 | 1.56 |
| TFRS tutorial | 48,427 | 0.93 | 1 |

The last column is made of the ratios of the run; two runs differ by 0.1 in it. In
bfloat16 ours has 55,594 where it has 43,884.

Since then a step makes fewer passes over its logits, and drawn videos that repeat, a
fifth of 1,024 here, are one column. Ours alone was timed again, the peers were not run:
the processor's milliseconds of a step of 1,024 by the loop of `ours.py`, before and
after, medians of four or five times 40 steps, one thread, 2026-11-26, load 9 to 20,
which slows all of them by a tenth; runs differ by 0.5 ms.

| | before | after | |
|---|---|---|---|
| ytdnn | 22.4 | 20.7 | 1.09 |
| ytdnn, sampled alone | 14.9 | 12.3 | 1.21 |
| ytdnn, sampled alone, bfloat16 | 12.7 | 11.2 | 1.13 |

By these, sampled alone would have 1.9 times TFRS' rate, not 3, which is 7.1 ms a step.
The products of scores and their gradients take 5.4 ms of 1,024 columns in float32 and
3.4 in bfloat16, of which four fifths are left here, and those of the tower 1.7: in
float32 1 ms would be left for all the rest.

By `--parts hits --only in-batch TFRS YoutubeDNN SASRec`:

| HR@10 | epoch 1 | 2 | 3 | seconds of 3 | after 60 s | examples in them |
|---|---|---|---|---|---|---|
| ytdnn | 0.0435 | 0.0606 | 0.0742 | 68 | 0.0717 | 2,623,995 |
| ytdnn, in-batch alone | 0.0392 | 0.0639 | 0.0790 | 45 | 0.0882 | 3,972,309 |
| TFRS tutorial | 0.0651 | 0.0719 | 0.0805 | 69 | 0.0798 | 2,557,718 |
| torch-rechub, 1,024 negatives | | | | | 0.0028 | 26,624 |
| torch-rechub, 3 negatives | 0.0104 | 0.0180 | 0.0207 | 69 | 0.0224 | 2,585,366 |
| RecTools SASRec | | | | | 0.0397 | 167,308 |

Of five epochs (`--epochs=5 --most_seconds=200 --only TFRS`; TFRS' random weights, which
were not seeded yet, are others than above, as its first rows tell):

| HR@10 | epoch 1 | 2 | 3 | 4 | 5 | seconds of 5 | after 60 s |
|---|---|---|---|---|---|---|---|
| ytdnn | 0.0435 | 0.0606 | 0.0742 | 0.0863 | 0.0972 | 107 | 0.0699 |
| TFRS tutorial | 0.0614 | 0.0674 | 0.0714 | 0.0772 | 0.0786 | 115 | 0.0715 |

So after equal epochs ours is behind at first, level with TFRS after three, and ahead
after five; the sampling error of each number is 0.003 to 0.004. All are far below what
the settings of experiments/movielens_1m.py reach, since a mean bag alone was asked for.

RecTools' HSTU, by `--parts hits --only HSTU --seconds=20 --most_seconds=3000`
(2026-11-27, an Intel Xeon, beside other work); three epochs are its default, and in
another run, stopped there, seven ended at 0.0719 after 828 s:

| HR@10 | epoch 1 | 2 | 3 | seconds of 3 | MiB |
|---|---|---|---|---|---|
| ytdnn | 0.0452 | 0.0611 | 0.0765 | 57 | 899 |
| RecTools HSTU | 0.0379 | 0.0377 | 0.0526 | 356 | 2,445 |

What limits each was not profiled as a whole. Of ours with both kinds of negatives 10 of
23 ms are products of the logits, 1,024 × 2,047, of which TFRS has half. Of the others:
torch-rechub, its negatives of each example, and at a million videos Adam, which updates
the whole table in each step; RecTools, a far larger network. Of torch-rechub with 1,024
negatives only 204,800 examples are made, since those of all would take 4 GB; neither it
nor RecTools comes to the end of an epoch in the 120 s that are allowed.
"""

import argparse
import dataclasses
import pathlib
import statistics
import tempfile
from collections.abc import Sequence

from experiments.benchmarks import measure
from experiments.benchmarks.peers import logs, measuring, pace, systems

_TINY_VIDEOS = 1_000


def rate_table(bench: measuring.Bench, rates: dict[str, measuring.Rates]) -> str:
    """Returns examples a second, ratios and memory."""
    of_ours = [rate for each in rates.values() for rate in each.ours]
    median = f"{statistics.median(of_ours):,.0f}" if of_ours else ""
    rows = [[systems.OURS.name, median, "1.00", _memory(rates[systems.OURS.name])]]
    for other in bench.others:
        found = rates[other.name]
        if found.failed:
            rows.append([other.name, f"falls out: {found.failed}", "", ""])
            continue
        rate = f"{statistics.median(found.others):,.0f}"
        rows.append([other.name, rate, f"{found.ratio:.2f}", _memory(found)])
    return measure.table(["system", "examples/s", "ours / it", "MiB"], rows)


def _memory(found: measuring.Rates | measuring.Trained) -> str:
    return f"{found.mebibytes:,.0f}"


def hits_table(trained: dict[str, measuring.Trained], task: pace.Task) -> str:
    """Returns HR@10 after equal epochs and after equal seconds."""
    last = f"epoch {task.epochs}"
    header = ["system", *(f"HR@10, epoch {i + 1}" for i in range(task.epochs))]
    header += [f"seconds of {task.epochs}", f"HR@10, {task.seconds:.0f} s"]
    header += ["examples in them", "MiB"]
    rows = []
    for name, found in trained.items():
        if found.failed:
            rows.append([name, f"falls out: {found.failed}", *[""] * (len(header) - 2)])
            continue
        cells = [_cell(found.given, f"epoch {i + 1}") for i in range(task.epochs)]
        seconds = f"{found.given[last].seconds:,.0f}" if last in found.given else ""
        examples = found.given.get("seconds")
        count = f"{examples.examples:,}" if examples else ""
        cells += [seconds, _cell(found.given, "seconds"), count, _memory(found)]
        rows.append([name, *cells])
    return measure.table(header, rows)


def _cell(given: dict[str, measuring.Learned], name: str) -> str:
    return f"{given[name].hit_rate:.4f}" if name in given else ""


def bench_of(options: argparse.Namespace, scratch: pathlib.Path) -> measuring.Bench:
    """Makes the environments, and returns the benchmark."""
    task = pace.Task("", "", "", turn_seconds=options.turn_seconds)
    if options.tiny:
        task = dataclasses.replace(
            task,
            dim=8,
            hidden=(16, 8),
            history=5,
            negatives=16,
            batch=32,
            turn_seconds=0.2,
        )
    others = systems.chosen(options.only)
    directory = (options.venvs or systems.default_directory()).resolve()
    pythons = {
        system.module: systems.python(system, directory)
        for system in (systems.OURS, *others)
    }
    return measuring.Bench(others, pythons, options.gibibytes, task, scratch)


def run(bench: measuring.Bench, options: argparse.Namespace) -> None:
    """Measures, and prints the tables."""
    print(f"{measure.environment()}, one core each", flush=True)
    parts = set(options.parts)
    if parts & {"rates", "hits"}:
        if options.tiny:
            log = logs.made(_TINY_VIDEOS, bench.scratch)
        else:
            log = logs.movielens(options.data, bench.scratch)
        if "rates" in parts:
            _show_rates(bench, log, options.turns)
        if "hits" in parts:
            _show_hits(bench, log, options)
    if "large" in parts:
        _show_rates(bench, logs.made(options.videos, bench.scratch), options.turns)


def _show_rates(bench: measuring.Bench, log: logs.Log, turns: int) -> None:
    rates = measuring.in_turns(bench, log, turns)
    print(f"\n{log.data.vocabulary_size:,} videos, in turns\n")
    print(f"{rate_table(bench, rates)}\n", flush=True)


def _show_hits(
    bench: measuring.Bench, log: logs.Log, options: argparse.Namespace
) -> None:
    task = dataclasses.replace(
        bench.task,
        epochs=options.epochs,
        seconds=options.seconds,
        most_seconds=options.most_seconds,
    )
    whole = dataclasses.replace(bench, task=task)
    trained = {
        system.name: measuring.alone(whole, log, system)
        for system in (systems.OURS, *bench.others)
    }
    print(f"\n{hits_table(trained, task)}\n", flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments.benchmarks.peers",
        description=(__doc__ or "").splitlines()[0],
    )
    parser.add_argument("--data", type=pathlib.Path, help="directory or zip of ml-1m")
    parser.add_argument("--videos", type=int, default=1_000_000, help="of the made log")
    parts = ["rates", "hits", "large"]
    parser.add_argument("--parts", nargs="+", choices=parts, default=parts)
    parser.add_argument("--only", nargs="+", help="words in names; default: all")
    parser.add_argument("--venvs", type=pathlib.Path, help="directory of environments")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--turn_seconds", type=float, default=3.0)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--most_seconds", type=float, default=120.0, help="of training")
    parser.add_argument("--gibibytes", type=float, default=12.0, help="of a process")
    parser.add_argument("--scratch", help="directory for logs and vectors")
    parser.add_argument("--tiny", action="store_true", help="sizes of a test")
    options = parser.parse_args(arguments)
    if options.data is None and not options.tiny and set(options.parts) != {"large"}:
        parser.error("expected --data=DIRECTORY of MovieLens-1M, or its zip")
    if options.tiny:
        options.videos, options.turns, options.epochs = 2 * _TINY_VIDEOS, 2, 2
        options.seconds = 0.5
    with tempfile.TemporaryDirectory(dir=options.scratch) as scratch:
        run(bench_of(options, pathlib.Path(scratch).resolve()), options)


if __name__ == "__main__":
    main()
