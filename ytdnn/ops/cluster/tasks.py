"""Which process of a cluster this one is, as TensorFlow's `TF_CONFIG` says.

    {"cluster": {"worker": ["host1:2222", "host2:2222"]},
     "task": {"type": "worker", "index": 0}}

One process of a cluster is its chief: it alone writes checkpoints and artefacts. With
parameter servers that is the task `chief`, which hands steps out to the workers; of
workers that train in step, the first.

Platforms set the variable too, with small differences that are understood: an old
`master` is the chief, the chief of workers that train in step is their first, an
`evaluator` has nothing to do, since the chief validates after each epoch.
"""

import dataclasses
import json
import os

from ytdnn import errors

VARIABLE = "TF_CONFIG"
MULTI_WORKER, PARAMETER_SERVER = "multi_worker", "parameter_server"
CHIEF, WORKER, SERVER, EVALUATOR = "chief", "worker", "ps", "evaluator"
_MASTER = "master"  # of TensorFlow 1: the chief
_JOBS = {MULTI_WORKER: (WORKER,), PARAMETER_SERVER: (CHIEF, WORKER, SERVER)}


@dataclasses.dataclass(frozen=True)
class Task:
    """A process of a cluster.

    Attributes:
      job: `chief`, `worker`, `ps`, or `evaluator`, which is outside the cluster.
      index: Among those of its job.
      addresses: `host:port` of every process, by job.
    """

    job: str
    index: int
    addresses: dict[str, list[str]]

    @property
    def name(self) -> str:
        """As in messages."""
        return self.job if self.job == CHIEF else f"{self.job} {self.index}"

    @property
    def is_evaluator(self) -> bool:
        """Whether it takes no part in the training."""
        return self.job == EVALUATOR

    @property
    def is_chief(self) -> bool:
        """Whether it alone writes."""
        first = CHIEF if CHIEF in self.addresses else WORKER
        return (self.job, self.index) == (first, 0)

    @property
    def address(self) -> str:
        """Its own."""
        return self.addresses[self.job][self.index]


def is_distributed(strategy: str) -> bool:
    """Whether several processes train under a strategy."""
    return strategy in _JOBS


def from_environment(strategy: str) -> Task | None:
    """Returns this process's task under a strategy; None: it trains alone.

    Raises:
      errors.UserError: `TF_CONFIG` is missing, or says something else.
    """
    if strategy not in _JOBS:
        return None
    text = os.environ.get(VARIABLE, "")
    if not text:
        raise errors.UserError(
            f"expected {VARIABLE} to name the processes of --strategy={strategy}, "
            f"found none: set it in each process, try it with `ytdnn cluster`, or give "
            f"--strategy=none"
        )
    try:
        found = json.loads(text)
        task = _normalized(
            str(found["task"]["type"]),
            int(found["task"]["index"]),
            {str(job): list(places) for job, places in found["cluster"].items()},
            strategy,
        )
        known = task.is_evaluator or 0 <= task.index < len(task.addresses[task.job])
    except (ValueError, KeyError, TypeError, AttributeError):
        known = False
    if not known:
        raise errors.UserError(
            f"expected JSON with `cluster`, and one of its processes as `task`, in "
            f"{VARIABLE}, found {errors.one_line(text[:200])}"
        )
    jobs = _JOBS[strategy]
    if set(task.addresses) != set(jobs) or len(task.addresses.get(CHIEF, "1")) != 1:
        raise errors.UserError(
            f"expected the jobs {', '.join(jobs)} (one chief) in {VARIABLE} for "
            f"--strategy={strategy}, found {', '.join(task.addresses)}"
        )
    return task


def _normalized(
    job: str, index: int, addresses: dict[str, list[str]], strategy: str
) -> Task:
    """Returns the task in the jobs of a strategy, however a platform names them."""
    addresses.pop(EVALUATOR, None)
    if _MASTER in addresses and CHIEF not in addresses:
        addresses = {CHIEF: addresses.pop(_MASTER), **addresses}
    if job == _MASTER:
        job = CHIEF
    if strategy == MULTI_WORKER and len(addresses.get(CHIEF, ())) == 1:
        index = {CHIEF: 0, WORKER: index + 1}.get(job, index)
        job = WORKER if job == CHIEF else job
        first = addresses.pop(CHIEF)
        addresses[WORKER] = [*first, *addresses.get(WORKER, ())]
    return Task(job, index, addresses)


def writes(strategy: str) -> bool:
    """Whether this process writes checkpoints and artefacts under a strategy."""
    task = from_environment(strategy)
    return task is None or task.is_chief
