"""Choices on the command line: a kind, and the settings of that kind alone."""

import itertools
import json
import pathlib

import pytest

from tests import refusals
from tests.run.cli import conftest, fakes
from ytdnn import configs
from ytdnn.run.cli import command, given_settings, resolved_config

FULL = "--config.candidates.loss=full_softmax"
SMOOTHED = "--config.candidates.loss.label_smoothing=0.1"
OF_OTHER_KINDS = [
    configs.Config(),
    configs.Config(
        candidates=configs.CandidatesConfig(
            loss=configs.SampledSoftmaxConfig(num_negatives=7)
        )
    ),
    configs.Config(
        candidates=configs.CandidatesConfig(
            loss=configs.FullSoftmaxConfig(label_smoothing=0.3)
        )
    ),
]


def _applied(argv: tuple[str, ...], config: configs.Config) -> configs.Config:
    return given_settings.apply(config, command.parse("run", [], argv).overrides)


@pytest.mark.parametrize("config", OF_OTHER_KINDS, ids=lambda c: c.candidates.loss.kind)
@pytest.mark.parametrize(
    "argv", list(itertools.permutations([FULL, SMOOTHED, "--config.seed=3"]))
)
def test_the_kind_and_its_settings_apply_in_any_order(
    config: configs.Config, argv: tuple[str, ...]
) -> None:
    found = _applied(argv, config)
    assert found.candidates.loss == configs.FullSoftmaxConfig(label_smoothing=0.1)
    assert found.seed == 3


def test_another_kind_begins_with_its_defaults_and_the_same_keeps_its_settings() -> (
    None
):
    *_, smoothed = OF_OTHER_KINDS
    assert _applied((FULL,), smoothed) == smoothed
    sampled = _applied(("--config.candidates.loss=sampled_softmax",), smoothed)
    assert sampled.candidates.loss == configs.SampledSoftmaxConfig()
    assert _applied((FULL,), sampled).candidates.loss == configs.FullSoftmaxConfig()


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (
            ("--config.candidates.kept_networks=all",),
            "config.candidates.kept_networks is a constant now: leave it out",
        ),
        (
            (FULL, "--config.candidates.loss.num_negatives=5"),
            "full_softmax has no setting config.candidates.loss.num_negatives, only "
            "label_smoothing: leave it out, or choose "
            "config.candidates.loss=sampled_softmax",
        ),
        (
            (SMOOTHED,),
            "sampled_softmax has no setting config.candidates.loss.label_smoothing, "
            "only in_batch, num_negatives, proposal_exponent",
        ),
        (
            ("--config.index.search.num_leaves=5", "--config.index.search=exact"),
            "exact has no setting config.index.search.num_leaves, and no other: leave "
            "it out, or choose config.index.search=scann",
        ),
        (
            ("--config.candidates.loss=softmax",),
            "expected config.candidates.loss to be one of sampled_softmax, "
            "full_softmax",
        ),
        (
            ("--config.candidates.loss.kind=full_softmax",),
            "choose by --config.candidates.loss=KIND, one of sampled_softmax",
        ),
        (
            ("--config.index.num_candidates=5",),
            "did you mean --config.composition.num_candidates?",
        ),
        (
            ("--config.candidates.num_negatives=5",),
            "did you mean --config.candidates.loss.num_negatives?",
        ),
        (
            (
                "--config.candidates.loss.num_negatives=0",
                "--config.candidates.loss.in_batch=false",
            ),
            "config.candidates.loss: expected num_negatives above 0 with in_batch",
        ),
        (
            (FULL, "--config.candidates.loss.label_smoothing=2"),
            "expected config.candidates.loss.label_smoothing to be less than 1",
        ),
    ],
)
def test_what_would_have_no_effect_is_refused_by_name(
    argv: tuple[str, ...], message: str
) -> None:
    for order in itertools.permutations(argv):
        assert message in refusals.line(_applied, order, configs.Config())


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "configs.CandidatesConfig(loss=configs.FullSoftmaxConfig(num_negatives=5))",
            "full_softmax has no setting config.candidates.loss.num_negatives, only",
        ),
        (
            "{'candidates': {'loss': {'kind': 'full_softmax', 'num_negatives': 5}}}",
            "full_softmax has no setting config.candidates.loss.num_negatives, only",
        ),
        (
            "{'candidates': {'loss': {'label_smoothing': 0.1}}}",
            "expected config.candidates.loss to be one of "
            "configs.SampledSoftmaxConfig(), "
            "configs.FullSoftmaxConfig(), or a dict whose "
            "kind is sampled_softmax or",
        ),
        (
            "configs.CandidatesConfig(loss='full_softmax')",
            "expected config.candidates.loss to be one of "
            "configs.SampledSoftmaxConfig(), ",
        ),
        (
            "configs.IndexConfig(num_leaves=5)",
            "there is no setting config.index.num_leaves",
        ),
        (
            "configs.CompositionConfig(num_candidates=5, sources=(('popular', 0.95),))",
            "config.composition: expected sources that leave the candidate model at "
            "least one place of 5, received (('popular', 0.95),)",
        ),
    ],
)
def test_a_file_is_refused_with_the_same_words(
    tmp_path: pathlib.Path, body: str, message: str
) -> None:
    file = tmp_path / "config.py"
    text = f"from ytdnn import configs\ndef get_config():\n    return {body}\n"
    file.write_text(text)
    assert message in refusals.line(resolved_config.load, str(file))


FILE = """
from ytdnn import configs


def get_config():
    loss = configs.SampledSoftmaxConfig(num_negatives=5)
    return configs.Config(candidates=configs.CandidatesConfig(loss=loss))


def get_variants():
    return {"a": get_config(), "b": configs.Config(seed=1)}
"""


@pytest.fixture
def file(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "file.py"
    path.write_text(FILE)
    return path


@pytest.mark.parametrize("flags", [(FULL, SMOOTHED), (SMOOTHED, FULL)])
@pytest.mark.parametrize("command", ["run", "prepare", "study"])
def test_flags_choose_on_top_of_a_file_of_another_kind(
    cli: conftest.Cli,
    rooms: fakes.Rooms,
    workdir: pathlib.Path,
    file: pathlib.Path,
    command: str,
    flags: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ytdnn.lab.cli.study._show", lambda *_: None)
    cli.ok(command, "--workdir", workdir, *flags, "--config", file)
    written = list(workdir.rglob("config.json"))
    assert len(written) == (2 if command == "study" else 1)
    for path in written:
        loss = json.loads(path.read_text())["config"]["candidates"]["loss"]
        assert loss == {"label_smoothing": 0.1, "kind": "full_softmax"}


def test_the_config_of_another_version_is_one_line_that_says_what_to_run(
    cli: conftest.Cli, rooms: fakes.Rooms, workdir: pathlib.Path
) -> None:
    cli("prepare", "--workdir", workdir)
    path = workdir / "config.json"
    values = json.loads(path.read_text())
    values["config"]["candidates"] |= {"loss": "sampled_softmax", "num_negatives": 7}
    path.write_text(json.dumps(values))
    line = cli.error("train", "--workdir", workdir)
    assert "made by another version" in line
    assert f"run `ytdnn run --workdir={workdir} --config=FILE.py`" in line
    assert "candidates.num_negatives" in line
