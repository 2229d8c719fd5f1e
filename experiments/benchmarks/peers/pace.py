"""What the script of each system shares: its task, its clock, what it says.

Runs in the environments of the peers too, so it needs nothing but NumPy. A script
trains by its own library's loop and calls `Pace.step` after each step. The clock stands
still before the warm-up is over, between turns, and while vectors are handed over. It
counts the processor's seconds: a process has one core, and where that is free these are
the seconds that pass; where it is shared, others' work is left out.
"""

import dataclasses
import json
import pathlib
import resource
import sys
import time
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

MARK = "@peers "
_KIB = 1024
_NOTHING = 0  # the index of no video, which pads histories

Arrays = dict[str, npt.NDArray[Any]]


@dataclasses.dataclass(frozen=True)
class Task:
    """What a script is to do.

    Attributes:
      events: File of `Events`.
      prepared: The prepared set that they are of, which ours reads.
      out: Directory for what is handed over.
      dim: Width of embeddings and vectors.
      hidden: Widths of the ReLU layers.
      history: Most recent watches that are averaged.
      negatives: Sampled negatives of an example, where the library has such.
      in_batch: Whether the labels of the batch are negatives of ours too.
      precision: Of ours.
      steps: Of ours in one call of TensorFlow.
      model: Of RecTools.
      batch: Examples a step, where the defaults of a library are not the question.
      examples: Examples that are made of the log, drawn by chance, where the library
        wants them made before training; 0: all.
      epochs: Passes after which vectors are handed over; 0: train in turns.
      seconds: Of training, after which they are too; all seconds are the processor's.
      most_seconds: Of training, after which it ends.
      turn_seconds: Length of a turn.
    """

    events: str
    prepared: str
    out: str
    dim: int = 64
    hidden: tuple[int, ...] = (128, 64)
    history: int = 50
    negatives: int = 1024
    in_batch: bool = False
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    steps: int = 20
    model: Literal["SASRec", "HSTU"] = "SASRec"
    batch: int = 1024
    examples: int = 0
    epochs: int = 0
    seconds: float = 0.0
    most_seconds: float = 0.0
    turn_seconds: float = 5.0


@dataclasses.dataclass(frozen=True)
class Events:
    """The training watches of each user, in order.

    Attributes:
      offsets: `[users + 1] int64`, where each user's begin.
      videos: `[watches] int32`, from 1 on.
      times: `[watches] int64`, seconds.
      num_videos: Highest video there is.
      asked: `[cases] int64`, the users whose next watch is the test.
      asked_times: `[cases] int64`, when it was.
    """

    offsets: npt.NDArray[np.int64]
    videos: npt.NDArray[np.int32]
    times: npt.NDArray[np.int64]
    num_videos: int
    asked: npt.NDArray[np.int64]
    asked_times: npt.NDArray[np.int64]

    @classmethod
    def read(cls, path: str) -> "Events":
        """Reads what `write` has written."""
        with np.load(path) as found:
            return cls(
                found["offsets"],
                found["videos"],
                found["times"],
                int(found["num_videos"]),
                found["asked"],
                found["asked_times"],
            )

    def write(self, path: pathlib.Path) -> None:
        """Writes all in one file."""
        np.savez(path, **dataclasses.asdict(self))

    def histories(
        self, ends: npt.NDArray[np.int64], users: npt.NDArray[np.int64], length: int
    ) -> npt.NDArray[np.int32]:
        """Returns the watches before places of the log, padded before with 0.

        Args:
          ends: `[n]` places.
          users: `[n]` whose they are.
          length: Most watches of a history.

        Returns:
          `[n, length] int32`.
        """
        starts = self.offsets[users]
        result = np.zeros((len(ends), length), np.int32)
        for back in range(1, length + 1):
            places = ends - back
            inside = places >= starts
            result[inside, -back] = self.videos[places[inside]]
        return result

    def of_asked(self, length: int) -> npt.NDArray[np.int32]:
        """Returns the histories of the cases, `[cases, length] int32`."""
        return self.histories(self.offsets[self.asked + 1], self.asked, length)

    def examples(
        self, length: int, most: int
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """Returns every watch but a user's first with its history, in random order.

        Args:
          length: Most watches of a history.
          most: How many are drawn; 0: all.

        Returns:
          Histories `[n, length]` and labels `[n]`, int32.
        """
        users = np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))
        places = np.arange(len(self.videos))
        places = places[places > self.offsets[users]]
        order = np.random.default_rng(0).permutation(places)
        chosen = order[:most] if most else order
        return self.histories(chosen, users[chosen], length), self.videos[chosen]


class Pace:
    """Tells a training loop when to go on, and the driver what it did."""

    def __init__(
        self, task: Task, hand_over: Callable[[], Arrays], warm_up: int = 1
    ) -> None:
        """Starts before the first step.

        Args:
          task: What to do.
          hand_over: Returns `users` and `videos`, vectors `[cases, dim]` and
            `[num_videos, dim]`, or `lists [cases, 10]` of videos.
          warm_up: Steps that do not count: compiling, a cache that fills.
        """
        self._task, self._hand_over = task, hand_over
        self._warm_up = 1 if task.epochs else warm_up
        self._steps = self._epochs = self._examples = 0
        self._seconds = self._since = 0.0
        self._is_due = task.epochs > 0
        self.is_over = False

    def step(self, examples: int) -> bool:
        """Counts a step; returns whether training is over."""
        self._steps += 1
        if self._steps > self._warm_up:
            now = time.process_time()
            self._seconds += now - self._since
            self._since = now
            self._examples += examples
            if self._task.epochs:
                self._after_step()
            elif self._seconds >= self._task.turn_seconds:
                self._end_turn()
        elif self._steps == self._warm_up:
            if not self._task.epochs:
                say(ready=True)
                self._wait()
            self._since = time.process_time()
        return self.is_over

    def epoch(self) -> bool:
        """Counts an epoch; returns whether training is over."""
        self._epochs += 1
        if 0 < self._epochs <= self._task.epochs:
            self._give(f"epoch {self._epochs}")
            self._judge()
        return self.is_over

    def finish(self) -> None:
        """Says what the whole process took."""
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _KIB
        say(mebibytes=used)

    def _after_step(self) -> None:
        if self._is_due and self._seconds >= self._task.seconds:
            self._is_due = False
            self._give("seconds")
        self._judge()

    def _judge(self) -> None:
        is_done = self._epochs >= self._task.epochs and not self._is_due
        self.is_over = is_done or self._seconds >= self._task.most_seconds

    def _give(self, name: str) -> None:
        """Hands over vectors or lists; the clock stands still."""
        path = pathlib.Path(self._task.out) / f"{name}.npz"
        np.savez(path, allow_pickle=False, **self._hand_over())
        say(
            name=name,
            path=str(path),
            seconds=self._seconds,
            examples=self._examples,
        )
        self._since = time.process_time()

    def _end_turn(self) -> None:
        say(seconds=self._seconds, examples=self._examples)
        self._wait()
        self._seconds, self._examples = 0.0, 0
        self._since = time.process_time()

    def _wait(self) -> None:
        self.is_over = sys.stdin.readline().strip() != "go"


def say(**facts: object) -> None:
    """Tells the driver facts, in a line that no library's output is taken for."""
    print(f"\n{MARK}{json.dumps(facts)}", flush=True)


def main(train: Callable[[Task, Events], Pace]) -> None:
    """Trains as the only argument says, and says why where it cannot.

    Args:
      train: Trains until the pace that it has made says that it is over.
    """
    given = json.loads(sys.argv[1])
    task = Task(**given | {"hidden": tuple(given["hidden"])})
    try:
        train(task, Events.read(task.events)).finish()
    except (MemoryError, RuntimeError) as error:
        said = str(error).strip() or type(error).__name__
        say(failed=said.splitlines()[0])
