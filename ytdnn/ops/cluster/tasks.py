"""The task of this process in a cluster, from TensorFlow's `TF_CONFIG`.

    {"cluster": {"worker": ["host1:2222", "host2:2222"]},
     "task": {"type": "worker", "index": 0}}

One process of a cluster is its chief: only the chief writes checkpoints and artefacts.
With parameter servers it is the task `chief`, which sends steps to the workers; with
synchronous workers it is the first worker.
"""

import dataclasses
import json
import os

from ytdnn.base import errors

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
      index: Index among the processes of its job.
      addresses: `host:port` of every process, by job.
    """

    job: str
    index: int
    addresses: dict[str, list[str]]

    @property
    def name(self) -> str:
        """Name of the task in messages."""
        return self.job if self.job == CHIEF else f"{self.job} {self.index}"

    @property
    def is_evaluator(self) -> bool:
        """Whether it takes no part in the training."""
        return self.job == EVALUATOR

    @property
    def is_chief(self) -> bool:
        """Whether the process is the chief, the only one that writes."""
        first = CHIEF if CHIEF in self.addresses else WORKER
        return (self.job, self.index) == (first, 0)

    @property
    def address(self) -> str:
        """`host:port` of this process."""
        return self.addresses[self.job][self.index]


def is_distributed(strategy: str) -> bool:
    """Whether several processes train under a strategy."""
    return strategy in _JOBS


def from_environment(strategy: str) -> Task | None:
    """Returns this process's task under a strategy; None: there is no cluster.

    Raises:
      errors.UserError: `TF_CONFIG` is missing, or does not fit the strategy.
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
