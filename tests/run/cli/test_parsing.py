"""Settings on the command line become the validated config."""

import contextlib
import pathlib

import pytest
from hypothesis import given, strategies
from ml_collections import config_dict

from ytdnn import configs
from ytdnn.base import errors
from ytdnn.run.cli import command, given_settings, resolved_config, settings_catalogue
from ytdnn.run.pipeline import runner

VALUES = [
    ("seed", "3", 3),
    ("data.where", "rating >= 4", "rating >= 4"),
    ("data.where", "title = 'a, b'", "title = 'a, b'"),
    ("data.columns", "watches.a=b,watches.c=d", ("watches.a=b", "watches.c=d")),
    ("data.columns", "watches.a=b", ("watches.a=b",)),
    ("data.columns", "", ()),
    ("candidates.tower", "32,16", (32, 16)),
    ("candidates.tower", "(32, 16)", (32, 16)),
    ("candidates.tower", "32", (32,)),
    ("candidates.tower", "", ()),
    ("candidates.decay_rates", "0.5,0.9", (0.5, 0.9)),
    ("candidates.content.enabled", "false", False),
    ("candidates.training.learning_rate", "1", 1.0),
    ("candidates.training.learning_rate", "1e-4", 1e-4),
    ("ranking.training.table_gradient", "sum", "sum"),
]


@pytest.mark.parametrize(("key", "text", "value"), VALUES)
def test_a_text_becomes_its_value(key: str, text: str, value: object) -> None:
    config = given_settings.apply(configs.Config(), {key: text})
    found = configs.flat(configs.to_dict(config))[key]
    assert found == (list(value) if isinstance(value, tuple) else value)
    assert type(found) is (list if isinstance(value, tuple) else type(value))


def test_only_what_is_named_changes() -> None:
    config = given_settings.apply(configs.Config(), {"ranking.training.epochs": "7"})
    before, after = (configs.to_dict(c) for c in (configs.Config(), config))
    assert "training.epochs" in before["ranking"].pop("auto")
    assert "training.epochs" not in after["ranking"].pop("auto")  # one's own now
    assert runner._differences(before, after) == [
        "config.ranking.training.epochs was 10, is 7"
    ]


@pytest.mark.parametrize(
    ("argv", "value"),
    [
        (["--config.candidates.content.enabled"], True),
        (["--noconfig.candidates.content.enabled"], False),
        (["--config.candidates.content.enabled=false"], False),
        (
            [
                "--config.candidates.content.enabled=false",
                "--config.candidates.content.enabled",
            ],
            True,
        ),
    ],
)
def test_spellings_of_a_boolean(argv: list[str], value: bool) -> None:
    given = command.parse("run", [], argv)
    config = given_settings.apply(configs.Config(), given.overrides)
    assert config.candidates.content.enabled is value


def test_a_config_survives_every_form_it_takes(tmp_path: pathlib.Path) -> None:
    config = given_settings.apply(
        configs.Config(), {"data.columns": "watches.a=b", "candidates.tower": "8,4"}
    )
    values = configs.to_dict(config)
    assert configs.from_dict(config_dict.ConfigDict(values).to_dict()) == config
    file = tmp_path / "config.py"
    for body in (repr(values), f"config_dict.ConfigDict({values!r})"):
        file.write_text(
            f"from ml_collections import config_dict\n"
            f"def get_config():\n    return {body}\n"
        )
        assert resolved_config.load(str(file)) == config


def test_a_config_file_takes_an_argument(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "config.py"
    file.write_text("def get_config(seed='0'):\n    return {'seed': int(seed)}\n")
    assert resolved_config.load(f"{file}:7").seed == 7
    assert resolved_config.load(str(file)).seed == 0


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("evaluation.metrics", "popularity_complement", ("popularity_complement",)),
        ("composition.rerankers", "", ()),
        ("composition.first_pass", "100", 100),
        ("composition.first_pass", "auto", "auto"),
        ("candidates.decay_rates", ".5,.8", (0.5, 0.8)),
        ("ranking.enabled", "False", False),
    ],
)
def test_a_text_is_read_by_the_types_of_its_setting(
    key: str, text: str, value: object
) -> None:
    config = given_settings.apply(configs.Config(), {key: text})
    section, _, name = key.partition(".")
    assert getattr(getattr(config, section), name) == value


def test_a_number_or_a_word_is_named_in_the_refusal() -> None:
    message = (
        "config.composition.first_pass to be 'auto' or a whole number, received 'x'"
    )
    with pytest.raises(errors.UserError, match=message):
        given_settings.apply(configs.Config(), {"composition.first_pass": "x"})


def test_files_of_parts_are_named_on_the_command_line(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "parts.py"
    file.write_text("")
    given = command.parse("run", [], (f"--config.extensions={file}",))
    config = given_settings.apply(configs.Config(), given.overrides)
    assert config.extensions == (str(file),)


@given(
    key=strategies.sampled_from(sorted(settings_catalogue.catalogue())),
    text=strategies.text(),
)
def test_any_text_gives_a_valid_config_or_a_user_error(key: str, text: str) -> None:
    try:
        config = given_settings.apply(configs.Config(), {key: text})
    except errors.UserError:
        return  # whose message is one line by construction
    assert configs.from_dict(configs.to_dict(config)) == config


@given(strategies.lists(strategies.text(), max_size=3))
def test_any_command_line_parses_or_gives_a_user_error(argv: list[str]) -> None:
    table = [command.Flag("workdir"), command.Flag("k", key="evaluation.ks")]
    with contextlib.suppress(errors.UserError):
        given = command.parse("run", table, argv)
        assert set(given.overrides) <= set(settings_catalogue.catalogue())


def test_a_flag_of_a_few_values() -> None:
    given = command.Arguments({"split": "test", "stage": "rank"}, {})
    assert command.choice(given, "split", ["test", "validation"]) == "test"
    assert command.choice(given, "format", ["table", "csv"], "table") == "table"
    message = "expected --stage to be one of candidates, ranking, received rank"
    with pytest.raises(errors.UserError, match=message):
        command.choice(given, "stage", ["candidates", "ranking"])
