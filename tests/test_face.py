"""The package's face: what it shows, and that showing it loads nothing heavy."""

import subprocess
import sys

import pytest

import ytdnn
from ytdnn import configs
from ytdnn.base import errors
from ytdnn.run import pipeline

HEAVY = ("tensorflow", "tf_keras", "polars", "numpy", "pydantic", "pandas")


def loaded_after(program: str) -> set[str]:
    """Returns which heavy libraries a program loads in a process of its own."""
    shown = f"import sys; print(*set({HEAVY!r}) & set(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", f"{program}\n{shown}"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(result.stdout.split())


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert loaded_after("import ytdnn; dir(ytdnn)") == set()


def test_a_config_loads_neither_tensorflow_nor_polars() -> None:
    assert not loaded_after(
        "import ytdnn; ytdnn.Config(); ytdnn.configs.CandidatesConfig(); "
        "ytdnn.UserError"
    ) & {"tensorflow", "polars"}


def test_naming_a_step_loads_neither_tensorflow_nor_polars() -> None:
    assert not loaded_after(
        "import ytdnn\n"
        "ytdnn.prepare, ytdnn.train, ytdnn.evaluate, ytdnn.export, ytdnn.Recommender\n"
        "import ytdnn.run.pipeline.graph, ytdnn.run.cli.main"
    ) & {"tensorflow", "tf_keras", "polars", "pandas"}


def test_a_mistake_of_a_step_loads_no_tensorflow() -> None:
    assert "tensorflow" not in loaded_after(
        "import ytdnn\n"
        "try:\n"
        "    ytdnn.train('nowhere')\n"
        "except ytdnn.UserError:\n"
        "    pass"
    )


def test_the_names_are_those_of_their_rooms() -> None:
    assert ytdnn.Config is configs.Config
    assert ytdnn.configs is configs
    assert ytdnn.UserError is errors.UserError
    for name in (
        "Recommender",
        "add_videos",
        "evaluate",
        "export",
        "prepare",
        "refresh",
        "remove_videos",
        "restore_videos",
        "train",
    ):
        own = getattr(ytdnn, name)  # the others check their arguments first
        assert getattr(own, "__wrapped__", own) is getattr(pipeline, name)
    assert set(ytdnn.__all__) <= set(dir(ytdnn))


def test_an_unknown_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'recommend'"):
        ytdnn.recommend  # noqa: B018


def test_an_unknown_name_is_no_setting() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Rankings'"):
        _ = getattr(configs, "Rankings")  # noqa: B009


def test_tensorflow_stays_quiet_where_it_sets_its_level_anew() -> None:
    import logging

    record = logging.LogRecord("tensorflow", logging.INFO, "", 0, "written", (), None)
    assert not logging.getLogger("tensorflow").filter(record)
    record.levelno = logging.ERROR
    assert logging.getLogger("tensorflow").filter(record)
