"""Each setting has someone who sets it; the others are constants."""

import pathlib
import re

import ytdnn
from ytdnn import configs
from ytdnn.base.configs import by_size
from ytdnn.run.cli import settings_catalogue

ROOT = pathlib.Path(ytdnn.__file__).parents[1]
# Files that set settings: experiments, pages, the sweep's and the tuner's spaces.
PLACES = (
    "README.md",
    "docs/**/*.md",
    "docs/**/*.ipynb",
    "docs/**/*.yaml",
    "experiments/**/*.py",
    "ytdnn/lab/studies/default_spaces.py",
    "ytdnn/lab/index_tuning/setting_search.py",
)


def _said() -> str:
    paths = sorted(path for place in PLACES for path in ROOT.glob(place))
    return "\n".join(path.read_text() for path in paths)


def _is_built_in(setting: settings_catalogue.Setting) -> bool:
    """Whether no extension that another test has loaded registered its kind."""
    return any(
        name == setting.kind and cls.__module__.startswith("ytdnn.")
        for name, cls in configs.choices()[setting.key.rpartition(".")[0]].items()
    )


def test_each_setting_is_set_somewhere() -> None:
    settings_catalogue.load_kinds()
    names = set(re.findall(r"\w+", _said()))
    by_rule = {name.rpartition(".")[2] for name in by_size.OF_CANDIDATES}
    unset: dict[str, str] = {}
    for setting in settings_catalogue.listed():
        name = setting.key.rpartition(".")[2]
        if setting.kind and not _is_built_in(setting):
            continue
        if name not in names | by_rule:
            unset.setdefault(name, setting.key)
    assert sorted(unset.values()) == []
