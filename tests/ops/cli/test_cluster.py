"""`ytdnn cluster`: what it is given, and what it starts."""

import pytest

from ytdnn.ops.cluster import local_cluster


@pytest.fixture
def plans(monkeypatch):
    started = []

    def run(plan):
        started.append(plan)
        return 5

    monkeypatch.setattr(local_cluster, "run", run)
    return started


@pytest.mark.parametrize(
    ("flags", "strategy", "jobs"),
    [
        ([], "multi_worker", {"worker": 2}),
        (["--workers=3"], "multi_worker", {"worker": 3}),
        (
            ["--workers=1", "--ps=2"],
            "parameter_server",
            {"chief": 1, "worker": 1, "ps": 2},
        ),
    ],
)
def test_it_starts_the_command_in_every_process(cli, plans, flags, strategy, jobs):
    result = cli("cluster", *flags, "--", "train", "--workdir=w", "--stage=index")
    assert result.status == 5
    (plan,) = plans
    own = ["train", "--workdir=w", "--stage=index", f"--strategy={strategy}"]
    assert list(plan.command[-4:]) == own
    assert plan.logs.as_posix() == "w/cluster"
    assert not plan.is_open
    found = plan.tasks()
    assert {job: len(places) for job, places in found[0].addresses.items()} == jobs
    assert [task.is_chief for task in found] == [True] + [False] * (len(found) - 1)
    addresses = [task.addresses[task.job][task.index] for task in found]
    assert len(set(addresses)) == sum(jobs.values())
    assert all(address.startswith("127.0.0.1:") for address in addresses)


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "expected a command of train, run, refit after --"),
        (["--", "evaluate", "--workdir=w"], "received evaluate"),
        (["--workers=0", "--", "train", "--workdir=w"], "--workers to be a whole"),
        (["--", "train"], "expected --workdir=DIR after --"),
        (["--", "train", "--workdir=w", "--strategy=none"], "received --strategy=none"),
        (["--network=all", "--", "train", "--workdir=w"], "--network to be one of"),
        (["--config.seed=1", "--", "train", "--workdir=w"], "settings after --"),
    ],
)
def test_a_mistake_is_one_line(cli, plans, argv, message):
    assert message in cli.error("cluster", *argv)
    assert not plans


def test_a_strategy_of_several_processes_needs_a_cluster(cli, rooms, workdir):
    cli("run", f"--workdir={workdir}")
    error = cli.error("train", f"--workdir={workdir}", "--strategy=multi_worker")
    assert "expected TF_CONFIG" in error
    assert "ytdnn cluster" in error
