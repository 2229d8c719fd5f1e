"""Registries: parts of ytdnn itself, of files and of installed packages."""

import dataclasses
import pathlib
import re
import sys
import types

import numpy as np
import pytest

from tests import extras, rooms
from ytdnn import configs
from ytdnn.base import errors, registries, registry
from ytdnn.run.cli import command, main, settings_catalogue
from ytdnn.run.pipeline import graph, workdir

FILE = """
from typing import Literal
from ytdnn import configs
from ytdnn.base import registries

@configs.validated
class EchoConfig(configs.Extension):
    '''A loss of a file.

    Attributes:
      rounds: Number of rounds.
    '''

    rounds: int = 3
    sizes: tuple[int, ...] = ()
    kind: Literal["echo"] = "echo"

@registries.LOSSES.register("echo", EchoConfig)
def make(config, learner):
    return config.rounds
"""


def candidates(loss: dict[str, object]) -> dict[str, object]:
    return {"candidates": {"loss": loss}}


@pytest.fixture
def echo(tmp_path: pathlib.Path):
    path = tmp_path / "echo_loss.py"
    path.write_text(FILE)
    with extras.registered():
        registry._extend.cache_clear()
        yield path


@pytest.mark.parametrize("parts", extras.every(), ids=lambda parts: parts.group)
def test_built_ins_are_found_without_an_import(parts: registry.Registry) -> None:
    for name in parts:
        assert parts[name].name == name
        assert parts.version(name) == ""


_DECORATOR = re.compile(r'^@registries\.([A-Z_]+)\.register\(\s*"([\w -]+)"', re.M)


def test_the_table_names_the_module_of_every_part_of_ytdnn() -> None:
    by_variable = {name.upper(): name for name in registries.every()}
    decorated = {
        (by_variable[variable], name, f"ytdnn.{path.removesuffix('.py')}")
        for path in rooms.paths()
        for variable, name in _DECORATOR.findall((rooms.ROOT / path).read_text())
    }
    named = {
        (kind, name, module.replace(".", "/").replace("ytdnn/", "ytdnn.", 1))
        for kind, each in registries.every().items()
        for name, module in (each._modules | each.missing).items()
    }
    assert decorated - named == set()
    assert [name for each in extras.every() for name in each.missing] == []


def test_every_loss_of_the_union_is_registered_with_its_config() -> None:
    kinds = configs.choices()["candidates.loss"]
    assert set(registries.LOSSES.names()) >= set(kinds)
    for kind, cls in kinds.items():
        assert registries.LOSSES[kind].config is cls


def test_an_unknown_name_is_answered_with_those_known() -> None:
    with pytest.raises(
        errors.UserError, match=r"a loss \(.*full_softmax.*\).*mean full_softmax\?"
    ):
        registries.LOSSES["full_sotfmax"]


def test_a_file_named_in_the_config_registers_its_parts(echo: pathlib.Path) -> None:
    values = configs.to_dict(configs.Config(extensions=(str(echo),)))
    values["candidates"]["loss"] = {"kind": "echo", "rounds": 5, "sizes": [1, 2]}
    config = configs.from_dict(values)
    assert registries.LOSSES["echo"].make(config.candidates.loss, None) == 5
    assert configs.from_dict(configs.to_dict(config)) == config
    assert config.candidates.loss.sizes == (1, 2)
    settings_catalogue.load_kinds()
    listed = settings_catalogue._settings(configs.Config(), "")
    assert "candidates.loss.sizes" in [setting.key for setting in listed]


def test_settings_of_a_part_are_checked_as_all_are(echo: pathlib.Path) -> None:
    registry.extend(str(echo))
    for given, message in (
        ({"rounds": "many"}, r"candidates\.loss\.rounds to be a valid integer"),
        ({"margin": 1}, r"echo has no setting config\.candidates\.loss\.margin"),
    ):
        with pytest.raises(errors.UserError, match=message):
            workdir.validated(candidates({"kind": "echo", **given}), "here")
    other = dataclasses.make_dataclass("Other", [("kind", str, "other")])()
    with pytest.raises(errors.UserError, match=r"whose kind is .* or echo"):
        configs.CandidatesConfig(loss=other)


def test_the_version_of_a_file_is_that_of_its_text(echo: pathlib.Path) -> None:
    registry.extend(str(echo))
    before = registries.LOSSES.version("echo")
    echo.write_text(FILE.replace("config.rounds", "2 * config.rounds"))
    registry.extend(str(echo))
    assert registries.LOSSES.version("echo") != before
    assert registries.LOSSES["echo"].make(types.SimpleNamespace(rounds=4), None) == 8


def test_two_parts_of_one_name_are_refused(echo: pathlib.Path) -> None:
    for name in ("echo", "full_softmax"):
        other = echo.with_name(f"other_{name}.py")
        other.write_text(FILE.replace('"echo"', f'"{name}"'))
        registry.extend(str(echo))
        with pytest.raises(errors.UserError, match=f"one loss named {name}, received"):
            registry.extend(str(other))


TWICE = """
@registries.METRICS.register("dup", title="t", text="t.")
def first(lists, k): return None
@registries.METRICS.register("dup", title="t", text="t.")
def second(lists, k): return None
"""
NAMED = "\n@registries.METRICS.register({})\ndef own(lists, k): return None\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TWICE, r"one metric named dup.*own\.py, line 3\) and .*own\.py, line 5\)"),
        (NAMED.format('""'), r"received '' as its name \(.*own\.py\)"),
        (NAMED.format("3"), "of a metric, .*received 3 as its name"),
        (NAMED.format('"a,b"'), "without comma, = or @, received 'a,b'"),
        (NAMED.replace("({})", ""), r"received a function \(.*own\.py, line 3\)"),
        ("registries.COMMANDS.register('train')(print)", "one command named train"),
    ],
)
def test_names_that_cannot_be_asked_for_are_refused(
    tmp_path: pathlib.Path, text: str, message: str
) -> None:
    assert "train" in main.names()
    (tmp_path / "own.py").write_text("from ytdnn import registries\n" + text)
    with extras.registered(), pytest.raises(errors.UserError, match=message):
        registry.extend(str(tmp_path / "own.py"))


def test_a_missing_file_and_one_that_fails_are_named(tmp_path: pathlib.Path) -> None:
    with pytest.raises(errors.UserError, match=r"extensions, found none in 'no\.py'"):
        configs.Config(extensions=("no.py",))
    path = tmp_path / "bad.py"
    path.write_text("\n1 / 0\n")
    with pytest.raises(errors.UserError, match="py, line 2, in <module>: Zero"):
        configs.Config(extensions=(str(path),))
    for text, name in (("sys.exit(3)", "SystemExit: 3"), ("raise BaseException", "B")):
        path.write_text(f"import sys\n{text}\n")
        with pytest.raises(errors.UserError, match=f"line 2, in <module>: {name}"):
            configs.Config(extensions=(str(path),))
    for content in (b"x = 1\n\0", b"\xff\xfe", b"\x7fELF"):
        path.write_bytes(content)
        with pytest.raises(errors.UserError, match="found binary data in '"):
            configs.Config(extensions=(str(path),))


def test_a_package_is_imported_when_a_part_of_it_is_asked_for(
    tmp_path: pathlib.Path,
) -> None:
    with extras.installed(tmp_path):
        assert "margin" in registries.LOSSES.names()
        assert "ytdnn_extras.margin" not in sys.modules
        loss = {"kind": "margin", "margin": 0.2}
        config = configs.from_dict(candidates(loss)).candidates
        assert config.loss.margin == 0.2
        assert registries.versions(config) == {"loss": "ytdnn-extras 1.0"}
    assert "margin" not in registries.LOSSES


def test_a_package_that_fails_is_named(tmp_path: pathlib.Path) -> None:
    with extras.installed(tmp_path):
        for text, name in (("1 / 0", "Zero"), ("raise BaseException(3)", "Base")):
            (tmp_path / "ytdnn_extras" / "margin.py").write_text(text)
            with pytest.raises(
                errors.UserError, match=rf"loss margin of ytdnn-extras 1\.0 .*{name}"
            ):
                registries.LOSSES["margin"]


def test_a_part_in_a_folder_that_is_not_installed_is_named() -> None:
    own = {"ytdnn.base.errors": "walk, run", "ytdnn.hangar.fly": "fly"}
    parts = registry.Registry("ytdnn.none", "command", registry.RegisteredPart, own)
    assert parts.names() == ("walk", "run")
    with pytest.raises(
        errors.UserError,
        match=r"the command fly in ytdnn\.hangar\.fly, found no such folder",
    ):
        parts["fly"]


OWN = """
import tensorflow as tf
from ytdnn import registries

def inner():
    raise ValueError("my bug")

@registries.METRICS.register("own", title="t", text="t.")
def own(lists, k):
    return inner()

@tf.function
def traced(x):
    while x < 3:
        x += inner()
    return x
"""


@pytest.fixture
def own(tmp_path: pathlib.Path):
    path = tmp_path / "own.py"
    path.write_text(OWN)
    with extras.registered():
        registry.extend(str(path))
        yield path


def test_an_error_of_a_users_file_has_its_place_and_callers(
    own: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make = registries.METRICS["own"].make
    where = f"{own}, line 6, in inner: ValueError: my bug\n  called from {own}, line"
    with pytest.raises(ValueError, match="my bug") as found:
        make(None, 3)
    assert registry.own_failure(found.value) == f"{where} 10, in own"
    with pytest.raises(ValueError, match="my bug") as found:
        make.__globals__["traced"](0)
    first = registry.own_failure(found.value).partition("\n")[0]
    assert first == where.partition("\n")[0]
    assert registry.own_failure(ValueError("ours")) == ""
    fails = command.Command("fails", "", "", (), (), (), lambda given: make(None, 3))
    registries.COMMANDS.register("fails")(lambda: fails)
    assert main.main(["fails"]) == 1
    assert capsys.readouterr().err == f"ytdnn: error: {where} 10, in own\n"
    own.write_text(OWN.replace("ValueError", "SystemExit").replace('"own"', '"exits"'))
    registry.extend(str(own))
    make = registries.METRICS["exits"].make
    assert main.main(["fails"]) == 1
    assert "in inner: SystemExit: my bug" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("value", "found"),
    [
        *(
            (None, "None"),
            (0.5, "0.5"),
            ([1.0, 2.0], "a list"),
            ([[1], [2, 3]], "a list"),
        ),
        *(((x for x in "ab"), "a generator"), (np.zeros((3, 1)), r"float64 \(3, 1\)")),
        *((np.array(["a"] * 3), "str32"), (np.full(3, 1j), "complex128")),
    ],
)
def test_what_is_no_such_array_is_refused(
    own: pathlib.Path, value: object, found: str
) -> None:
    message = rf"metric own \({own}, line 8\) to return numbers \[3\], found {found}"
    with pytest.raises(errors.UserError, match=message):
        registries.METRICS.array(value, (3,), "own")


def test_a_factory_that_does_not_fit_is_refused(own: pathlib.Path) -> None:
    with pytest.raises(errors.UserError, match="a value of 1 inputs, found missing a"):
        registries.METRICS.made("own", object, None)
    registries.COMMANDS.register("none")(lambda: None)
    with pytest.raises(errors.UserError, match="to return Command, found None"):
        main.find("none").run(command.Arguments({}, {}))
    registries.STEPS.register("none")(lambda config: None)
    with pytest.raises(errors.UserError, match="to return tuple, found None"):
        graph.added(configs.Config())
