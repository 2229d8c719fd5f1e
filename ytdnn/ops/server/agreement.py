"""Agreement of a server's processes on the version to serve.

Every process first prepares a new version while it serves the old one. When all have
done so, all switch; if one cannot, all refuse the version. A process that is started
later prepares the version that the others serve.
"""

import dataclasses
from collections.abc import Callable

from ytdnn.base import errors

# A process that ends while it loads a version may have been killed by chance, or by
# the version: of want of memory, say.
_MOST_ENDS = 3


@dataclasses.dataclass(frozen=True)
class Prepare:
    """Message: load a version and keep it ready.

    Attributes:
      number: Number of the version.
    """

    number: int


@dataclasses.dataclass(frozen=True)
class Commit:
    """Message: serve the prepared version."""

    number: int


@dataclasses.dataclass(frozen=True)
class Refuse:
    """Message: a version is not served, with the reason."""

    number: int
    reason: str


@dataclasses.dataclass(frozen=True)
class Processes:
    """Message: the versions of all processes.

    Attributes:
      versions: Version that each process serves, by process id; None: none yet.
    """

    versions: dict[int, int | None]


@dataclasses.dataclass(frozen=True)
class Prepared:
    """Message of a process: a version is ready.

    Attributes:
      number: Number of the version.
      lines: Lines to print when the server starts with it.
    """

    number: int
    lines: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Failed:
    """Message of a process: it cannot serve a version, with the reason."""

    number: int
    reason: str


Message = Prepare | Commit | Refuse | Processes


@dataclasses.dataclass
class _Member:
    serving: int | None = None
    preparing: int | None = None
    prepared: int | None = None


class Agreement:
    """The state of all processes, and the messages that lead to one version.

    Attributes:
      current: The served version; None before the first.
      candidate: The version in preparation; None without one.
      refused: Reasons why versions are not served, by number.
    """

    def __init__(self, size: int, numbers: Callable[[], list[int]]) -> None:
        """Starts without processes.

        Args:
          size: Number of processes that start together.
          numbers: Function that returns the numbers of all versions, ascending.
        """
        self.current: int | None = None
        self.candidate: int | None = None
        self.refused: dict[int, str] = {}
        self._size = size
        self._numbers = numbers
        self._members: dict[int, _Member] = {}
        self._ends: dict[int, int] = {}
        self._waiting: list[tuple[int, Message]] = []

    def join(self, process: int) -> None:
        """Records that a process was started."""
        self._members[process] = _Member()

    def leave(self, process: int) -> None:
        """Records that a process has ended."""
        member = self._members.pop(process)
        number = member.preparing
        if number is not None and number == self.candidate:
            self._ends[number] = self._ends.get(number, 0) + 1
            if self._ends[number] >= _MOST_ENDS:
                self._refuse(number, f"{_MOST_ENDS} processes ended while they read it")

    def prepared(self, process: int, number: int) -> None:
        """Records that a process has a version ready."""
        member = self._members[process]
        member.preparing, member.prepared = None, number

    def failed(self, process: int, number: int, reason: str) -> None:
        """Records that a process cannot serve a version."""
        self._members[process].preparing = None
        if number == self.candidate:
            self._refuse(number, reason)

    @property
    def processes(self) -> Processes:
        """The version that each process serves."""
        return Processes({pid: m.serving for pid, m in self._members.items()})

    def step(self) -> list[tuple[int, Message]]:
        """Returns the messages to send, each with its process.

        Raises:
          errors.UserError: No version can be served; the message is about the newest.
        """
        if self.candidate is None:
            self.candidate = self._newer()
        self._waiting += self._late()
        voters = self._voters()
        if self.candidate is not None and voters:
            ready = [pid for pid, m in voters.items() if m.prepared == self.candidate]
            if len(ready) == len(voters):
                self.current, self.candidate = self.candidate, None
                self._waiting += [self._commit(pid) for pid in ready]
        found, self._waiting = self._waiting, []
        return [one for one in found if one[0] in self._members]

    def _newer(self) -> int | None:
        numbers = [n for n in self._numbers() if n not in self.refused]
        if self.current is not None:
            numbers = [n for n in numbers[-1:] if n > self.current]
        elif not numbers and self.refused:
            raise errors.UserError(self.refused[max(self.refused)])
        return numbers[-1] if numbers else None

    def _voters(self) -> dict[int, _Member]:
        """Returns the processes that must have the candidate: those that serve."""
        if self.current is None:
            return self._members if len(self._members) >= self._size else {}
        return {p: m for p, m in self._members.items() if m.serving is not None}

    def _late(self) -> list[tuple[int, Message]]:
        """Returns messages to processes that are behind the others."""
        found: list[tuple[int, Message]] = []
        for pid, member in self._members.items():
            is_behind = self.current is not None and member.serving != self.current
            wanted = self.current if is_behind else self.candidate
            if wanted is None or member.preparing is not None:
                continue
            if member.prepared != wanted:
                member.preparing = wanted
                found.append((pid, Prepare(wanted)))
            elif is_behind:
                found.append(self._commit(pid))
        return found

    def _commit(self, process: int) -> tuple[int, Message]:
        number = self.current or 0
        self._members[process] = _Member(serving=number)
        return process, Commit(number)

    def _refuse(self, number: int, reason: str) -> None:
        self.refused[number] = reason
        self.candidate = None
        for pid, member in self._members.items():
            member.prepared = None
            self._waiting.append((pid, Refuse(number, reason)))
