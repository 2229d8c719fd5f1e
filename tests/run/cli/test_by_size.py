"""Settings chosen from the size of the log: said, recorded, and given up for one's own.

The rule itself: tests/base/configs/test_by_size.py.
"""

import json
import pathlib
from typing import Any

from tests.run.cli import conftest, fakes
from ytdnn import configs
from ytdnn.base import artifacts

FIXED = configs.CandidatesConfig()


def recorded(workdir: pathlib.Path) -> dict[str, Any]:
    return configs.flat(json.loads((workdir / "config.json").read_text())["config"])


def made_with(workdir: pathlib.Path) -> dict[str, Any]:
    return configs.flat(
        artifacts.read_manifest(workdir / "candidates", "candidates").config
    )


def test_what_is_chosen_is_said_and_recorded(
    cli: conftest.Cli, rooms: fakes.Rooms, workdir: pathlib.Path
) -> None:
    said = cli("run", "--source=world", "--workdir", workdir, "--full").out
    assert "table" in said
    won = "settings chosen by the contest that wide won, and by the size of the log"
    assert f"{won} (100,000 watches, 900" in said
    assert "training.epochs 6;" in said
    assert "initial_vectors co_watched;" in said
    assert "--config.candidates.NAME=VALUE" in said
    for found in (recorded(workdir), made_with(workdir)):
        assert found["candidates.training.epochs"] == 6 != FIXED.training.epochs
        assert found["candidates.initial_vectors"] == "co_watched"
        assert FIXED.initial_vectors != "co_watched"


def test_a_run_says_in_short_that_its_steps_begin_and_end(
    cli: conftest.Cli, rooms: fakes.Rooms, workdir: pathlib.Path
) -> None:
    said = cli("run", "--source=world", "--workdir", workdir).out.splitlines()
    steps = [line for line in said if line.startswith("[")]
    assert [line for line in said if line not in steps] == [
        f"report: {workdir}/evaluation/report.html (open it in a browser)",
        f"bundle: {workdir}/bundle",
        f"next: ytdnn recommend --workdir={workdir} --user=u1",
    ]
    in_short = [line.replace(str(workdir), "runs/quickstart") for line in said]
    assert [line for line in in_short if len(line) > 80] == []
    train = cli("train", "--workdir", workdir, "--config.seed=1").out
    assert "settings chosen from the size of the log" in train


def test_one_s_own_setting_wins_then_and_later(
    cli: conftest.Cli, rooms: fakes.Rooms, workdir: pathlib.Path
) -> None:
    own = "--config.candidates.training.epochs=5"  # the default without a rule, too
    said = cli("run", "--source=world", "--workdir", workdir, own, "--full").out
    chosen = next(line for line in said.splitlines() if "900 users" in line)
    assert "training.epochs" not in chosen
    assert "training.batch_size 512" in chosen
    assert made_with(workdir)["candidates.training.epochs"] == 5
    cli("run", "--source=world", "--workdir", workdir, "--config.seed=1")
    assert made_with(workdir)["candidates.training.epochs"] == 5


def test_another_winner_has_other_settings(
    cli: conftest.Cli, rooms: fakes.Rooms, workdir: pathlib.Path
) -> None:
    rooms.winner = "narrow"
    cli("run", "--source=world", "--workdir", workdir)
    assert made_with(workdir)["candidates.embedding_dim"] == 32
    assert recorded(workdir)["candidates.embedding_dim"] == 32
    # The user's own settings are those of every member, and hold the contest again.
    rooms.winner = "wide"
    own = "--config.candidates.dropout=0.1"
    said = cli("run", "--source=world", "--workdir", workdir, own).out
    assert "contest: started (config.candidates.dropout was absent, is 0.1)" in said
    assert made_with(workdir)["candidates.embedding_dim"] == 256
    assert made_with(workdir)["candidates.dropout"] == 0.1


def test_without_a_contest_its_first_member_is_taken(
    cli: conftest.Cli, rooms: fakes.Rooms, workdir: pathlib.Path
) -> None:
    rooms.winner = "narrow"
    off = "--config.candidates.contest=false"
    said = cli("run", "--source=world", "--workdir", workdir, off).out
    assert "contest: left out: candidates.contest=false" in said
    assert made_with(workdir)["candidates.embedding_dim"] == 256


def test_a_log_of_another_size_has_other_settings(
    cli: conftest.Cli, rooms: fakes.Rooms, workdir: pathlib.Path
) -> None:
    cli("run", "--source=world", "--workdir", workdir)
    rooms.facts = {"watches": 10_000_000, "users": 100_000, "vocabulary": 500_000}
    said = cli("run", "--source=world", "--workdir", workdir, "--min_item_count=2").out
    assert "config.candidates.embedding_dim was 256, is 128" in said
    assert made_with(workdir)["candidates.loss"] == "sampled_softmax"


def test_a_config_file_is_taken_as_it_is(
    cli: conftest.Cli, rooms: fakes.Rooms, workdir: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    file = tmp_path / "own.py"
    file.write_text(
        "from ytdnn import configs\n"
        "def get_config():\n"
        "    own = "
        "configs.CandidatesConfig(training=configs.TrainingConfig(epochs=3))\n"
        "    return configs.Config(candidates=own, ranking=configs.RankingConfig())\n"
    )
    said = cli("run", "--source=world", "--workdir", workdir, "--config", file).out
    assert "settings chosen" not in said
    found = made_with(workdir)
    assert found["candidates.training.epochs"] == 3
    assert found["candidates.embedding_dim"] == FIXED.embedding_dim
