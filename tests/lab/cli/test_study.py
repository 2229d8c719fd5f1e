"""`ytdnn study`: which runs are made, shared, kept, refused; and once for real."""

import json
import os
import pathlib
from typing import Any

import pytest

from tests.run.cli import conftest, fakes
from ytdnn.base import artifacts
from ytdnn.lab.pages import study_table
from ytdnn.lab.studies import variant_comparison

Cli = conftest.Cli
Path = pathlib.Path
Rooms = fakes.Rooms

VARIANTS = """
from ytdnn import configs


def get_config():
    return configs.Config()


def get_variants():
    return {
        "narrow": configs.Config(candidates=configs.CandidatesConfig(tower=(8,))),
        "wide": configs.Config(candidates=configs.CandidatesConfig(tower=(16,))),
    }
"""
RUN = ["data", "candidates", "index", "ranking", "baselines", "evaluation"]
# Data and baselines are those of the first run.
OTHER = ["candidates", "index", "ranking", "evaluation"]


class Studies:
    """Stands for the room that aggregates, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def measure(self, found: Any, split: str, wanted: Any) -> dict[str, Any]:
        self.asked.append((found, split, list(wanted)))
        return {"split": split}


@pytest.fixture
def studies(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> Studies:
    found = Studies()
    monkeypatch.setattr(variant_comparison, "measure", found.measure)
    monkeypatch.setattr(study_table, "render", lambda study, width: str(study))
    monkeypatch.setattr(study_table, "markdown", str)
    return found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "question.py"
    path.write_text(VARIANTS)
    return path


@pytest.fixture
def flags(file: Path, workdir: Path) -> tuple[str, ...]:
    return f"--config={file}", f"--workdir={workdir}"


def test_every_variant_and_seed_is_a_run_and_data_are_prepared_once(
    cli: Cli, rooms: Rooms, studies: Studies, flags: tuple[str, ...], workdir: Path
) -> None:
    assert cli("study", *flags, "--seeds=0,3").status == 0
    assert rooms.calls == [*RUN, *(3 * OTHER)]
    [(found, split, _)] = studies.asked
    assert split == "test"
    assert found == {
        name: {seed: workdir / name / f"seed-{seed}" for seed in (0, 3)}
        for name in ("narrow", "wide")
    }
    first, other = workdir / "narrow" / "seed-0", workdir / "wide" / "seed-3"
    for name in ("content.txt", "manifest.json"):
        assert os.path.samefile(first / "data" / name, other / "data" / name)
    config = json.loads((other / "config.json").read_text())["config"]
    assert (config["seed"], config["candidates"]["tower"]) == (3, [16])
    assert json.loads((workdir / "study.json").read_text()) == {"split": "test"}
    assert (workdir / "study.md").exists()


def test_what_is_finished_costs_nothing(
    cli: Cli, rooms: Rooms, studies: Studies, flags: tuple[str, ...]
) -> None:
    cli("study", *flags, "--split=validation")
    rooms.calls.clear()
    cli("study", *flags, "--split=validation")
    assert rooms.calls == []
    assert len(studies.asked) == 2  # the table is shown all the same


def test_an_interrupted_study_goes_on(
    cli: Cli, rooms: Rooms, studies: Studies, flags: tuple[str, ...]
) -> None:
    rooms.fails_in = "index"
    result = cli("study", *flags)
    assert result.status == 130
    assert "the same command goes on" in result.err
    assert studies.asked == []
    rooms.fails_in = ""
    rooms.calls.clear()
    assert cli("study", *flags).status == 0
    assert rooms.calls == [*RUN[2:], *OTHER]


@pytest.mark.parametrize("stage", ["candidates", "ranking"])
def test_one_stage_is_made_alone(
    cli: Cli, rooms: Rooms, studies: Studies, flags: tuple[str, ...], stage: str
) -> None:
    cli("study", *flags, f"--stage={stage}", "--only=wide", "--metrics=a/b@1, c/d@2")
    made = ["candidates"] if stage == "candidates" else ["candidates", "ranking"]
    assert rooms.calls == ["data", *made, "evaluation"]
    assert studies.asked[0][2] == ["a/b@1", "c/d@2"]
    rooms.calls.clear()
    # All stages afterwards: what the stage has is kept, the report is made again.
    cli("study", *flags, "--only=wide")
    assert rooms.calls == [name for name in RUN[1:] if name not in made]
    # The whole report has the stage's numbers too.
    rooms.calls.clear()
    cli("study", *flags, f"--stage={stage}", "--only=wide")
    assert rooms.calls == []


def test_settings_hold_for_every_variant(
    cli: Cli, rooms: Rooms, studies: Studies, flags: tuple[str, ...]
) -> None:
    cli("study", *flags, "--config.candidates.embedding_dim=4", "--k=3")
    [(found, *_)] = studies.asked
    for name, tower in (("narrow", [8]), ("wide", [16])):
        config = json.loads((found[name][0] / "config.json").read_text())["config"]
        assert config["candidates"]["tower"] == tower
        assert config["candidates"]["embedding_dim"] == 4
        assert config["evaluation"]["ks"] == [3]


RANKERS = VARIANTS.replace(
    "candidates=configs.CandidatesConfig", "ranking=configs.RankingConfig"
)


def test_variants_of_the_ranker_share_the_candidates_of_their_seed(
    cli: Cli,
    rooms: Rooms,
    studies: Studies,
    flags: tuple[str, ...],
    file: Path,
    workdir: Path,
) -> None:
    file.write_text(RANKERS)
    result = cli("study", *flags, "--seeds=0,3")
    ranker = ["ranking", "evaluation"]
    assert rooms.calls == [*RUN, *ranker, *OTHER, *ranker]
    for name in ("candidates", "index"):
        assert f"{name}: linked, the same as {workdir}/narrow/seed-3" in (
            result.out.replace("\n", "")
        )
        paths = {
            (variant, seed): workdir / variant / f"seed-{seed}" / name / "manifest.json"
            for variant in ("narrow", "wide")
            for seed in (0, 3)
        }
        assert os.path.samefile(paths["narrow", 3], paths["wide", 3])
        assert not os.path.samefile(paths["narrow", 0], paths["narrow", 3])
    # All stay what they need to be when the study is asked again.
    rooms.calls.clear()
    cli("study", *flags, "--seeds=0,3")
    assert rooms.calls == []


MISTAKES = {
    "--only=wide,wid": "received wid: did you mean wide?",
    "--seeds=0,x": "expected --seeds to be whole numbers such as 0,1,2, received '0,x'",
    "--split=train": "expected --split to be one of test, validation, received train",
    "--stage=index": "expected --stage to be one of candidates, ranking",
    "--config.seed=3": "--seeds and --config.seed are one setting",
}


@pytest.mark.parametrize("flag", MISTAKES)
def test_a_mistake_is_one_line(
    cli: Cli, rooms: Rooms, flags: tuple[str, ...], flag: str
) -> None:
    seeds = () if flag.startswith("--seeds") else ("--seeds=0",)
    assert MISTAKES[flag] in cli.error("study", *flags, *seeds, flag)
    assert rooms.calls == []


BAD_VARIANTS = {
    "return None": "to return a dict of a config for each name, received NoneType",
    "return {}": "received an empty dict",
    "return [get_config()]": "received list",
    "return {'a/b': get_config()}": "by letters, digits and _.+=-, received 'a/b'",
    "return {'..': get_config()}": "received '..'",
    "return {1: get_config()}": "received 1",
    "return {'a': 3}": "expected get_variants()['a'] of FILE to return",
    "return {'a': {'sed': 1}}": "there is no setting config.sed",
    "return 1 / 0": "in get_variants: ZeroDivisionError",
    "return {t: {'evaluation': {'targets': t}} for t in ('all', 'next')}": (
        "found config.evaluation.targets 'all' in all and 'next' in next"
    ),
    "return {p: {'data': {'protocol': p}} for p in ('temporal', 'leave_one_out')}": (
        "found config.data.protocol 'temporal' in temporal and 'leave_one_out' in"
    ),
}


@pytest.mark.parametrize("body", BAD_VARIANTS, ids=range(len(BAD_VARIANTS)))
def test_variants_that_are_none_are_one_line(
    cli: Cli, rooms: Rooms, flags: tuple[str, ...], file: Path, body: str
) -> None:
    head = VARIANTS.partition("def get_variants")[0]
    file.write_text(f"{head}def get_variants():\n    {body}\n")
    assert BAD_VARIANTS[body] in cli.error("study", *flags).replace(str(file), "FILE")
    assert rooms.calls == []


def test_the_directory_of_a_run_is_refused(
    cli: Cli, rooms: Rooms, flags: tuple[str, ...], workdir: Path
) -> None:
    cli("run", f"--workdir={workdir}")
    assert "found a run in" in cli.error("study", *flags)


REAL = """
from ytdnn import configs


def get_variants():
    world = configs.WorldConfig(
        num_users=100, num_videos=60, num_days=20, watches_per_user=20
    )
    return {
        name: configs.Config(
            data=configs.DataConfig(world=world),
            candidates=configs.CandidatesConfig(
                embedding_dim=8,
                tower=tower,
                loss=configs.SampledSoftmaxConfig(num_negatives=32),
                training=configs.TrainingConfig(
                    epochs=1, batch_size=512, patience=patience
                ),
            ),
            evaluation=configs.EvaluationConfig(ks=(5, 10), num_resamples=50),
        )
        for name, tower, patience in (("a", (), 1), ("b", (8,), 1), ("like_a", (), 2))
    }
"""


@pytest.mark.thorough
def test_a_study_of_candidates_on_a_tiny_world(
    cli: Cli, flags: tuple[str, ...], file: Path, workdir: Path
) -> None:
    file.write_text(REAL)
    only = ("--stage=candidates", "--split=validation")
    result = cli.ok("study", *flags, *only)
    assert "temporal protocol, validation split:" in result.out
    found = json.loads((workdir / "study.json").read_text())
    assert found["shown"] == [
        "candidates/hit_rate@5",
        "candidates/ndcg@5",
        "candidates/recall@10",
        "candidates/map@10",
    ]
    assert found["variants"]["b"]["settings"] == {
        "candidates.tower": [8],
        "candidates.training.patience": 1,
    }
    assert set(found["references"]["popularity"]) >= {"hit_rate@5", "map@10"}
    for one in found["variants"]["b"]["differences"].values():
        assert one["low"] is None or one["low"] <= one["high"]
    # One process trains all, yet what came before a run leaves no trace in it.
    for one in found["variants"]["like_a"]["differences"].values():
        assert one["difference"] == 0.0
    weights = {}
    for name in ("a", "b", "like_a"):
        run = workdir / name / "seed-0"
        files = artifacts.read_manifest(run / "candidates", "candidates").files
        weights[name] = {k: v for k, v in files.items() if "weights" in k}
    assert weights["a"]
    assert weights["a"] == weights["like_a"] != weights["b"]
    listed = cli("experiments", f"--dir={workdir}", "--split=validation").out
    assert "like_a/seed-0" in listed.replace("\n", "")
    assert cli("study", *flags, *only).out.count("skipped:") == 9
