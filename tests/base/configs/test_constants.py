"""Settings of 0.3 that are constants now."""

import functools
import operator
from typing import Any

import pytest

from tests import refusals
from ytdnn import configs
from ytdnn.base.configs import setting_types
from ytdnn.run.cli import command, settings_catalogue
from ytdnn.run.pipeline import workdir


def _of_0_3() -> dict[str, Any]:
    """Returns a config with all settings that were left out since."""
    values = configs.to_dict(configs.Config())
    for path, value in setting_types.CONSTANTS.items():
        *parents, name = path.split(".")
        functools.reduce(operator.getitem, parents, values)[name] = value
    return values


def test_the_config_of_a_run_of_0_3_is_read_and_differs_in_nothing() -> None:
    old = _of_0_3()
    config = configs.from_dict(old)
    assert config == configs.Config()
    assert configs.differences(old, configs.to_dict(config)) == {}
    in_part = old["data"], configs.to_dict(config.data)
    assert "min_search_token_count" in in_part[0]
    assert configs.differences(*in_part) == {}
    assert configs.component(configs.DataConfig, old["data"]) == config.data


@pytest.mark.parametrize("path", setting_types.CONSTANTS)
def test_another_value_is_refused_in_a_file_and_any_as_a_flag(path: str) -> None:
    assert path not in settings_catalogue.catalogue()
    old, (*parents, name) = _of_0_3(), path.split(".")
    functools.reduce(operator.getitem, parents, old)[name] = "other"
    message = f"config.{path} is a constant now: leave it out"
    assert refusals.line(workdir.validated, old, "old.py") == f"{message} (old.py)"
    found = configs.differences(old, configs.to_dict(configs.Config()))
    assert found == {path: "was 'other', is absent"}
    assert refusals.line(command.parse, "run", [], (f"--config.{path}=1",)) == message


def test_a_text_that_is_not_set_is_as_if_an_earlier_version_lacked_it() -> None:
    assert configs.differences({"k": 1}, {"k": 1, "counters_from": ""}) == {}
    found = configs.differences({"k": 1, "name": "a"}, {"k": 1, "name": ""})
    assert found == {"name": "was 'a', is ''"}


@pytest.mark.parametrize(("value", "is_new"), [(0.0, False), ((), False), (0.5, True)])
def test_a_new_setting_that_is_off_changes_nothing(value: object, is_new: bool) -> None:
    assert bool(configs.differences({"seed": 0}, {"seed": 0, "power": value})) is is_new
