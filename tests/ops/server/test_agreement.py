"""Which version several processes serve: all the same, or none the new one."""

import pytest

from ytdnn.base import errors
from ytdnn.ops.server import agreement
from ytdnn.ops.server.agreement import Commit, Prepare, Refuse


class Group:
    """An agreement of two processes, and the versions that there are."""

    def __init__(self, *numbers: int) -> None:
        self.numbers = list(numbers)
        self.agreed = agreement.Agreement(2, lambda: self.numbers)
        for process in (1, 2):
            self.agreed.join(process)

    def step(self) -> list[tuple[int, agreement.Message]]:
        return sorted(self.agreed.step(), key=lambda one: one[0])

    def started(self) -> "Group":
        """Returns the group once both serve the newest version."""
        newest = self.numbers[-1]
        assert self.step() == [(1, Prepare(newest)), (2, Prepare(newest))]
        self.agreed.prepared(1, newest)
        assert self.step() == []
        self.agreed.prepared(2, newest)
        assert self.step() == [(1, Commit(newest)), (2, Commit(newest))]
        return self


def test_none_serves_before_all_are_ready_and_then_all_do() -> None:
    group = Group(3, 4).started()
    assert group.agreed.current == 4
    assert group.agreed.processes.versions == {1: 4, 2: 4}
    assert group.step() == []


def test_a_new_version_is_served_when_the_last_has_it() -> None:
    group = Group(1).started()
    group.numbers += [2, 3]
    assert group.step() == [(1, Prepare(3)), (2, Prepare(3))]
    group.agreed.prepared(2, 3)
    group.numbers.append(4)  # does not disturb
    assert group.step() == []
    assert group.agreed.current == 1
    group.agreed.prepared(1, 3)
    assert group.step() == [(1, Commit(3)), (2, Commit(3))]
    assert group.step() == [(1, Prepare(4)), (2, Prepare(4))]


def test_what_one_cannot_serve_is_refused_by_all() -> None:
    group = Group(1).started()
    group.numbers.append(2)
    group.step()
    group.agreed.prepared(1, 2)
    group.agreed.failed(2, 2, "broken")
    assert group.step() == [(1, Refuse(2, "broken")), (2, Refuse(2, "broken"))]
    assert group.agreed.refused == {2: "broken"}
    assert group.step() == []
    assert group.agreed.processes.versions == {1: 1, 2: 1}
    group.numbers.append(3)
    assert group.step() == [(1, Prepare(3)), (2, Prepare(3))]


def test_a_server_starts_with_the_newest_version_that_all_can_serve() -> None:
    group = Group(1, 2)
    group.step()
    group.agreed.failed(1, 2, "broken")
    group.agreed.prepared(2, 2)
    assert Group(1).started().agreed.current == 1
    messages = group.step()
    assert (1, Prepare(1)) in messages
    assert (2, Refuse(2, "broken")) in messages
    group.agreed.prepared(1, 1)
    group.agreed.prepared(2, 1)
    assert (2, Commit(1)) in group.step()


def test_a_bundle_without_a_version_that_can_be_served() -> None:
    group = Group(7)
    group.step()
    group.agreed.failed(1, 7, "of another layout")
    with pytest.raises(errors.UserError, match="of another layout"):
        group.step()


def test_a_process_that_is_replaced_serves_what_the_others_do() -> None:
    group = Group(1, 2).started()
    group.agreed.leave(1)
    group.agreed.join(3)
    assert group.step() == [(3, Prepare(2))]
    assert group.agreed.processes.versions == {2: 2, 3: None}
    group.agreed.prepared(3, 2)
    assert group.step() == [(3, Commit(2))]


def test_a_process_that_starts_during_a_swap_comes_after_it() -> None:
    group = Group(1).started()
    group.agreed.leave(1)
    group.agreed.join(3)
    group.numbers.append(2)
    assert group.step() == [(2, Prepare(2)), (3, Prepare(1))]
    group.agreed.prepared(2, 2)
    assert group.step() == [(2, Commit(2))]  # the one that serves decides
    group.agreed.prepared(3, 1)
    assert group.step() == [(3, Prepare(2))]
    group.agreed.prepared(3, 2)
    assert group.step() == [(3, Commit(2))]
    assert group.agreed.processes.versions == {2: 2, 3: 2}


def test_a_version_that_processes_die_of_is_refused() -> None:
    """Once may be chance: a process was killed."""
    group = Group(1).started()
    group.numbers.append(2)
    said = group.step()
    for process in (2, 3, 4):
        assert group.agreed.candidate == 2
        group.agreed.leave(process)
        group.agreed.join(process + 1)
        said += group.step()
        group.agreed.prepared(process + 1, 1)
        said += group.step()
        assert said[-1] == (process + 1, Commit(1))
        said += group.step()
    assert "3 processes ended" in group.agreed.refused[2]
    assert (1, Refuse(2, group.agreed.refused[2])) in said
    assert group.agreed.current == 1
