r"""Changes one line of the library at a time and counts which suites notice.

    python -m tests.mutations [--only=NAME,NAME]

Each mutation is made in a copy of the checkout. The tests of its room run until one
fails: first those of `make test`, and where they pass, those that `make test-all` has
besides. A mutation that the tests of its room miss may still be caught elsewhere, so
the counts are lower bounds.
"""

import argparse
import dataclasses
import pathlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence

ROOT = pathlib.Path(__file__).parents[1]
FAST = "not slow and not thorough"
THOROUGH = "thorough and not slow"


@dataclasses.dataclass(frozen=True)
class Mutation:
    """One changed line.

    Attributes:
      path: File below `ytdnn/`.
      before: Text that occurs in it once.
      after: Text it is replaced by.
      tests: Files and folders below `tests/` that cover the room, in the order in
        which they run.
    """

    path: str
    before: str
    after: str
    tests: str


MUTATIONS = (
    Mutation(
        "base/metrics/recall_and_ndcg.py",
        "np.arange(2, k + 2)",
        "np.arange(3, k + 3)",
        "base/metrics",
    ),
    Mutation(
        "base/metrics/bootstrap.py",
        "if denominator > 0.0",
        "if denominator > 1.0",
        "base/metrics",
    ),
    Mutation(
        "retrieval/row_ops.py",
        "(ordered != before) &",
        "(ordered > 0) &",
        "retrieval/test_row_ops.py retrieval",
    ),
    Mutation(
        "layers/bags.py",
        "rows < end[:, tf.newaxis]",
        "rows <= end[:, tf.newaxis]",
        "layers/test_bags.py layers candidates",
    ),
    Mutation(
        "layers/bags.py",
        "tf.maximum(distance, 0)",
        "tf.maximum(distance, 1)",
        "layers/test_bags.py layers candidates",
    ),
    Mutation(
        "training/optimizers.py",
        "(1.0 - beta_1) * grad",
        "(1.0 + beta_1) * grad",
        "training/test_optimizers.py training",
    ),
    Mutation(
        "training/contest.py",
        "(first - second).reshape",
        "(second - first).reshape",
        "training/test_contest.py training",
    ),
    Mutation(
        "ranking/heads.py",
        "odds = tf.exp(tf.minimum(logits, MAX_LOGIT))",
        "odds = tf.exp(tf.minimum(-logits, MAX_LOGIT))",
        "ranking",
    ),
    Mutation(
        "retrieval/pool.py",
        "lambda one: one > 0",
        "lambda one: one > -1",
        "retrieval/test_sources.py retrieval bundle",
    ),
    Mutation(
        "retrieval/filtered_search.py",
        " + tf.minimum(permitted.num_removed, num)",
        "",
        "retrieval/test_filtered_search.py retrieval bundle",
    ),
    Mutation(
        "retrieval/exploring.py",
        "self.samples = config.temperature > 0.0",
        "self.samples = config.temperature >= 0.0",
        "retrieval/test_exploring.py retrieval bundle",
    ),
    Mutation(
        "bundle/graphs.py",
        "num_results = tf.clip_by_value(wanted, 0, num_finite)",
        "num_results = wanted",
        "bundle ops/server",
    ),
    Mutation(
        "bundle/saved_models.py",
        "return fields if lists and len(fields)",
        "return fields if not lists and len(fields)",
        "bundle",
    ),
    Mutation(
        "ops/server/predict.py",
        "errors.require(k <= limits.k",
        "errors.require(k < limits.k",
        "ops/server/test_predict.py ops/server",
    ),
    Mutation(
        "log/drawn_labels.py",
        "self._taken += size",
        "self._taken += size + 1",
        "training/test_candidate_batches.py log training",
    ),
    Mutation(
        "base/configs/by_size.py",
        "is_small = millions < 1.0",
        "is_small = millions > 1.0",
        "base/configs/test_by_size.py base/configs run/cli",
    ),
    Mutation(
        "lab/live/play.py",
        "number + 1 < test.num_days",
        "number < test.num_days",
        "lab/live",
    ),
    Mutation(
        "lab/world/behaviour.py",
        "self.clock[rows] <= times",
        "self.clock[rows] > times",
        "lab/world/test_generate.py lab/world",
    ),
    Mutation(
        "evaluation/compare.py",
        "both.items() if a != b",
        "both.items() if a == b",
        "evaluation/test_compare.py evaluation",
    ),
    Mutation(
        "features/request_context.py",
        "last - at.times",
        "at.times - first",
        "features/test_request_context.py features candidates",
    ),
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints which suite catches each mutation, and the two counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="paths of mutated files")
    only = parser.parse_args(arguments).only.split(",")
    chosen = [m for m in MUTATIONS if not only[0] or m.path in only]
    with tempfile.TemporaryDirectory() as root:
        copy = pathlib.Path(root) / "checkout"
        leave_out = shutil.ignore_patterns(".venv", "runs", ".git", "__pycache__")
        shutil.copytree(ROOT, copy, ignore=leave_out)
        caught = [_tried(mutation, copy) for mutation in chosen]
    fast = caught.count("make test")
    every = fast + caught.count("make test-all")
    print(f"make test {fast}, make test-all {every} of {len(chosen)}")


def _tried(mutation: Mutation, copy: pathlib.Path) -> str:
    """Prints the quickest command whose tests fail, and returns it."""
    by = _caught_by(mutation, copy)
    told = f"{by or 'missed':14} {mutation.path}: {mutation.after or 'removed'}"
    print(told, flush=True)
    return by


def _caught_by(mutation: Mutation, copy: pathlib.Path) -> str:
    """Returns the quickest command whose tests fail, empty if none does."""
    path = copy / "ytdnn" / mutation.path
    text = path.read_text()
    if text.count(mutation.before) != 1:
        raise ValueError(f"expected {mutation.before!r} once in {mutation.path}")
    path.write_text(text.replace(mutation.before, mutation.after))
    try:
        for name, marks in (("make test", FAST), ("make test-all", THOROUGH)):
            if _fails(mutation, copy, marks):
                return name
        return ""
    finally:
        path.write_text(text)


def _fails(mutation: Mutation, copy: pathlib.Path, marks: str) -> bool:
    rooms = [f"tests/{room}" for room in mutation.tests.split()]
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-m", marks, *rooms]
    done = subprocess.run(command, cwd=copy, capture_output=True, check=False)
    return done.returncode == 1


if __name__ == "__main__":
    main()
