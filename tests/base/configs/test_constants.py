"""Settings of earlier versions that are constants now."""

from typing import Any

import pytest

from ytdnn import configs
from ytdnn.base import errors
from ytdnn.base.configs import constants
from ytdnn.retrieval import matrix_models
from ytdnn.run.cli import parsing
from ytdnn.run.pipeline import workdir

CLASSES = sorted(constants.BY_CLASS)


def _old_run() -> dict[str, Any]:
    """Returns a config as an earlier version wrote it, with choices of two kinds."""
    config = configs.Config(candidates=configs.CandidatesConfig(loss=_WARP))
    values = configs.to_dict(config)
    values["candidates"]["content"]["id_dropout"] = 0.2
    values["candidates"]["loss"]["margin"] = 1.0
    values["index"]["search"] |= {"leaf_avq": 8.0, "min_videos": 2_000}
    values["evaluation"]["block_megabytes"] = 128
    return values


_WARP = configs.WARPConfig()


@pytest.mark.parametrize("name", CLASSES)
def test_the_value_of_a_constant_is_accepted_and_another_is_refused(name: str) -> None:
    cls = getattr(configs, name, None) or getattr(matrix_models, name)
    for setting, value in constants.BY_CLASS[name].items():
        if value == []:
            continue  # as JSON has it, and only configs of earlier versions
        assert cls(**{setting: value}) == cls()
        other = "other" if isinstance(value, str) else 2 * value + 1
        with pytest.raises(errors.UserError, match=rf"{setting} is a constant now"):
            cls(**{setting: other})


def test_an_old_config_is_read_and_differs_in_nothing() -> None:
    old = _old_run()
    config = configs.from_dict(old)
    assert config.candidates.loss == _WARP
    assert configs.differences(old, configs.to_dict(config)) == {}
    in_part = old["candidates"], configs.to_dict(config.candidates)
    assert configs.differences(*in_part) == {}
    old["index"]["search"]["leaf_avq"] = 4.0
    with pytest.raises(errors.UserError) as error:
        workdir.validated(old, "old.py")
    assert str(error.value) == (
        "config.index.search.leaf_avq is a constant now, 8.0: leave it out (old.py)"
    )
    found = configs.differences(old, configs.to_dict(config))
    assert found == {"index.search.leaf_avq": "was 4.0, is absent"}


def test_a_flag_with_the_value_of_a_constant_is_left_out() -> None:
    same = "--config.candidates.content.id_dropout=0.20"
    found = parsing.parse("run", [], (same, "--config.seed=3"))
    assert found.overrides == {"seed": "3"}
    with pytest.raises(errors.UserError, match=r"id_dropout is a constant now, 0.2"):
        parsing.parse("run", [], ("--config.candidates.content.id_dropout=0.4",))


def test_a_text_that_is_not_set_is_as_if_an_earlier_version_lacked_it() -> None:
    assert configs.differences({"k": 1}, {"k": 1, "counters_from": ""}) == {}
    found = configs.differences({"k": 1, "name": "a"}, {"k": 1, "name": ""})
    assert found == {"name": "was 'a', is ''"}
