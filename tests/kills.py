"""Kills commands at random moments, and looks at where the same command again ends.

    python -m tests.kills DIR [COMMAND=NUMBER …]

makes a small run in DIR once, then ends each command NUMBER times (10), by SIGINT,
SIGTERM and SIGKILL in turn, and runs it again. It must succeed, leave the files that an
undisturbed one leaves, and of those that are the same of any two undisturbed runs the
same bytes. A signal that can be caught must end it without a stack trace. Prints a
line for each failure, and a table; exit status 1 where there was one.

Commands start in processes that have loaded all modules (`tests/forked.py`), so that a
kill hits the work and not the seconds of loading TensorFlow.
"""

import dataclasses
import hashlib
import json
import pathlib
import random
import re
import shutil
import signal
import sys
import time
from collections.abc import Callable

import polars as pl

from tests import forked, full_log
from tests.run.cli.tried import page
from ytdnn.ops.server import joined_log

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
_DAY = 86_400
_VERSION = re.compile(r"/\d+(?=/|$)")
_STUDY = """\
import dataclasses
from ytdnn import configs


def get_variants():
    made = configs.component(configs.Config, {made})
    other = dataclasses.replace(made.candidates, embedding_dim=4)
    return {{"plain": made, "narrow": dataclasses.replace(made, candidates=other)}}
"""
_SWEEP = """\
from ytdnn import configs


def get_config():
    return configs.component(configs.Config, {made})


def get_space():
    return {{
        "candidates.embedding_dim": [4, 8],
        "candidates.dropout": configs.Range(0.0, 0.5),
        "candidates.similarity": ["dot", "user_cosine"],
    }}
"""


@dataclasses.dataclass(frozen=True)
class Command:
    """What is killed.

    Attributes:
      words: After `ytdnn`; HERE is the directory of one trial.
      outputs: Directories and files in it that the command makes.
      bytes_of: Which files of these are the same in any two runs, as a pattern of
        their path in HERE.
    """

    words: str
    outputs: tuple[str, ...]
    bytes_of: str


_MODELS = (
    r".*/(data|candidates|ranking)/(.*/)?[^/]*(\.np[yz]|\.parquet|weights\.data.*)"
)
COMMANDS = {
    "join-log": Command(
        "join-log --log=HERE/served --out=HERE/joined --wait=10", ("joined",), r".*"
    ),
    "recommend": Command(
        "recommend --workdir=HERE/run --users=all --index=exact --out=HERE/all.parquet",
        ("all.parquet",),
        r".*",
    ),
    "export": Command(
        "export --workdir=HERE/run --config.composition.explore_top=49",
        ("run/bundle", "run/config.json"),
        r".*(titles\.parquet|vocabularies\.json)$",
    ),
    "index tune": Command("index tune --workdir=HERE/run", ("run",), "run/data/.*"),
    "live": Command(
        "live --arms=logging,bound --preset=tiny --config.data.world.live_days=4 "
        "--config.data.world.num_users=60 --config.data.world.num_videos=80 "
        "--out=HERE/live",
        ("live",),
        r".*\.parquet$",
    ),
    "refit": Command("refit --workdir=HERE/run", ("run",), _MODELS),
    "refresh": Command(
        "refresh --from=HERE/run --data_dir=HERE/grown --workdir=HERE/next",
        ("next",),
        _MODELS,
    ),
    "study": Command(
        "study --config=HERE/study.py --workdir=HERE/study --stage=candidates "
        "--split=validation",
        ("study",),
        _MODELS,
    ),
    "sweep": Command(
        "sweep --config=HERE/sweep.py --workdir=HERE/sweep --trials=5",
        ("sweep",),
        r"sweep/best\.py|" + _MODELS,
    ),
}


def make(directory: pathlib.Path) -> pathlib.Path:
    """Makes what the commands work on, once: a run, a grown log, a served log."""
    base = directory / "base"
    if base.exists():
        return base
    partial = directory / "base.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    made = page.made_run(directory)
    shutil.rmtree(made / "bundle" / ".partial", ignore_errors=True)
    made.rename(partial / "run")
    tables = full_log.tables()
    watches = tables["watches"]
    later = watches.tail(40).with_columns(pl.col("time") + 2 * _DAY)
    full_log.write(partial / "grown", tables | {"watches": pl.concat([watches, later])})
    config = json.loads((partial / "run" / "config.json").read_text())["config"]
    (partial / "study.py").write_text(_STUDY.format(made=repr(config)))
    (partial / "sweep.py").write_text(_SWEEP.format(made=repr(config)))
    _serve(partial / "served")
    partial.rename(base)
    return base


def _serve(directory: pathlib.Path) -> None:
    """Writes answers as a server logs them."""
    day = directory / joined_log.ANSWERS / "2026-01-01"
    day.mkdir(parents=True)
    number = 200_000
    ids = [[f"v{(i + j) % 25}" for j in range(10)] for i in range(number)]
    nothing = [[None] * 10] * number
    kinds = joined_log.answers_schema(pl.String())
    values = {
        joined_log.REQUEST_ID: [f"{i:032x}" for i in range(number)],
        joined_log.SERVED_AT: [1_767_000_000.0 + i for i in range(number)],
        joined_log.VERSION: [1] * number,
        "user_id": [f'"u{i % 30}"' for i in range(number)],
        "time": [None] * number,
        "device": [None] * number,
        joined_log.VIDEO_IDS: ids,
    }
    values |= {name: nothing for name in kinds if name not in values}
    pl.DataFrame(values, kinds).write_parquet(day / "0.parquet")


@dataclasses.dataclass(frozen=True)
class Ended:
    """How a command left things.

    Attributes:
      files: Paths of its outputs, numbers of versions left out.
      digests: Of those that are the same in any two runs.
    """

    files: frozenset[str]
    digests: dict[str, str]


def _look(command: Command, here: pathlib.Path) -> Ended:
    found: dict[str, pathlib.Path] = {}
    for name in command.outputs:
        path = here / name
        every = path.rglob("*") if path.is_dir() else [path]
        kept = (p for p in every if p.is_file() and "logs" not in p.parts)
        found |= {p.relative_to(here).as_posix(): p for p in kept}
    # Beside an output nothing may be left either.
    for path in here.glob(".*"):
        found[path.name] = path
    digests = {
        _VERSION.sub("/N", name): hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in found.items()
        if re.fullmatch(command.bytes_of, name)
    }
    return Ended(frozenset(_VERSION.sub("/N", name) for name in found), digests)


def _start(command: Command, here: pathlib.Path) -> forked.Process:
    words = command.words.replace("HERE", str(here)).split()
    return forked.Process(words, here.with_name("output.txt"))


def _fresh(base: pathlib.Path, here: pathlib.Path) -> None:
    shutil.rmtree(here, ignore_errors=True)
    shutil.copytree(base, here)


class Trials:
    """Kills one command again and again.

    Attributes:
      name: The command.
      seconds: How long an undisturbed run of it takes.
    """

    def __init__(self, name: str, base: pathlib.Path, here: pathlib.Path) -> None:
        """Runs it undisturbed, to know where it ends and how long it takes."""
        self.name, self._command = name, COMMANDS[name]
        self._base, self._here = base, here
        _fresh(base, here)
        started = time.monotonic()
        status, out = _start(self._command, here).end()
        if status:
            raise RuntimeError(f"{name} fails undisturbed:\n{out}")
        self.seconds = time.monotonic() - started
        self._undisturbed = _look(self._command, here)

    def kill(self, how: signal.Signals, at: float) -> str:
        """Kills it once; returns what is wrong, empty where nothing is.

        Args:
          how: The signal.
          at: When, as a share of the time of an undisturbed run.
        """
        _fresh(self._base, self._here)
        process = _start(self._command, self._here)
        time.sleep(at * self.seconds)
        process.send(how)
        status, out = process.end(60.0)
        if status is None:
            return f"does not end within a minute: {out[-400:]}"
        if "Traceback" in out:
            return f"a stack trace: {out[-700:]}"
        status, out = _start(self._command, self._here).end()
        if status != 0 or "Traceback" in out:
            return f"again: status {status}: {out[-400:]}"
        found = _look(self._command, self._here)
        if found.files != self._undisturbed.files:
            return f"files: {sorted(found.files ^ self._undisturbed.files)[:6]}"
        if found.digests != self._undisturbed.digests:
            other = self._undisturbed.digests
            differ = [name for name in other if found.digests[name] != other[name]]
            return f"bytes: {differ[:6]}"
        return ""


def main(arguments: list[str], say: Callable[[str], None] = print) -> int:
    """Runs the trials asked for; returns the exit status."""
    directory = pathlib.Path(arguments[0])
    asked = dict(one.rsplit("=", 1) for one in arguments[1:])
    asked = asked or dict.fromkeys(COMMANDS, "10")
    base = make(directory)
    rng, failures = random.Random(0), 0
    for name, number in asked.items():
        trials = Trials(name, base, directory / "trial")
        wrong = 0
        for count in range(int(number)):
            how, at = SIGNALS[count % len(SIGNALS)], rng.uniform(0.0, 1.0)
            found = trials.kill(how, at)
            if found:
                wrong += 1
                say(f"{name}, {how.name} at {at:.2f}: {found}")
        failures += wrong
        say(f"{name}: {number} kills, {wrong} failures; {trials.seconds:.1f} s a run")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
