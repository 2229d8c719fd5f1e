"""Hooks of MkDocs: pages made from the code and from files outside docs/.

Commands and settings are what `--help` says, experiments are their docstrings and code,
and the pages of the root (BUILD.md, CONTRIBUTING.md, …) are read where they are. Links
such as `../experiments/live.py`, right in the repository, lead to those pages.
"""

import ast
import dataclasses
import pathlib
import re
from collections.abc import Sequence
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = pathlib.Path(__file__).parents[1]
ROOT_PAGES = ("BUILD.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
# A line that is a link to a file of docs/examples.
_EXAMPLE = re.compile(r"^\[([^\]]+)\]\((examples/[^)]+)\)$", re.M)
# A link of Markdown: its target, and its anchor.
_LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: Any) -> Files:
    """Adds the pages that are made here.

    Args:
      files: Pages and other files of docs/.
      config: Config of the site.
    """
    made = {name: (ROOT / name).read_text() for name in ROOT_PAGES}
    made["reference/commands.md"] = _commands()
    made["reference/settings.md"] = _settings()
    experiments = ROOT / "experiments"
    made["experiments/index.md"] = (experiments / "README.md").read_text()
    for path in sorted(experiments.rglob("*.py")):
        made[_page_of(path)] = _source_page(path)
    for uri, content in made.items():
        files.append(File.generated(config, uri, content=content))
    return files


def on_page_markdown(markdown: str, page: Any, files: Files, **_: Any) -> str:
    """Shows linked examples, and leads links to files to the pages made of them.

    Args:
      markdown: Text of the page.
      page: The page.
      files: All files of the site.
    """
    source = _source_of(page.file.src_uri)

    def lead(match: re.Match[str]) -> str:
        target = (source.parent / match[1]).resolve()
        uri = _page_of(target)
        if not target.is_relative_to(ROOT) or files.get_file_from_path(uri) is None:
            return match[0]
        ups = "../" * page.file.src_uri.count("/")
        return f"]({ups}{uri}{match[2] or ''})"

    return _EXAMPLE.sub(_example, _LINK.sub(lead, markdown))


def _example(match: re.Match[str]) -> str:
    """Returns the link to an example as a block of its code."""
    path = ROOT / "docs" / match[2]
    kind = {".py": "python", ".toml": "toml"}[path.suffix]
    return f'```{kind} title="{match[1]}"\n{path.read_text()}```'


def _source_of(uri: str) -> pathlib.Path:
    """Returns the file of the repository that a page is made from."""
    if uri in ROOT_PAGES:
        return ROOT / uri
    if uri == "experiments/index.md":
        return ROOT / "experiments" / "README.md"
    if uri.startswith("experiments/"):
        return (ROOT / uri).with_suffix(".py")
    return ROOT / "docs" / uri


def _page_of(path: pathlib.Path) -> str:
    """Returns the page of a file of the repository."""
    relative = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    if relative == pathlib.Path("experiments/README.md"):
        return "experiments/index.md"
    if relative.parts[:1] == ("experiments",):
        return relative.with_suffix(".md").as_posix()
    if relative.parts[:1] == ("docs",):
        return relative.relative_to("docs").as_posix()
    return "index.md" if relative.name == "README.md" else relative.as_posix()


def _source_page(path: pathlib.Path) -> str:
    """Returns the page of an experiment or benchmark: its docstring, then its code."""
    source = path.read_text()
    docstring = ast.get_docstring(ast.parse(source)) or ""
    title = path.relative_to(ROOT).as_posix()
    return f"# `{title}`\n\n{docstring}\n\n## Code\n\n````python\n{source}````\n"


def _commands() -> str:
    """Returns the page of commands: what `ytdnn COMMAND --help` says of flags."""
    from ytdnn.run.cli import help_text, main

    parts = ["# Commands", "Written from the code: what `ytdnn COMMAND --help` prints."]
    for command in main.COMMANDS:
        text = help_text.command(dataclasses.replace(command, groups=()))
        parts.append(f"## ytdnn {command.name}\n\n```text\n{text}\n```")
    return "\n\n".join(parts) + "\n"


def _settings() -> str:
    """Returns the page of settings, a table for each part of the config."""
    from ytdnn.run.cli import help_text, settings_catalogue

    parts = [
        "# Settings",
        "Written from the code. Each is given as `--config.KEY=VALUE`, or in a file "
        "with `--config=FILE.py`. A setting with a kind belongs to that kind alone. "
        "Where no default is shown, the log decides ([defaults](../defaults.md)).",
    ]
    settings_catalogue.load_kinds()
    chosen = settings_catalogue.by_size()
    listed = settings_catalogue.listed()
    parts.append('<div class="settings" markdown>')
    for part in dict.fromkeys(_part(setting) for setting in listed):
        found = [setting for setting in listed if _part(setting) == part]
        has_kinds = any(setting.kind for setting in found)
        columns = ["setting", *(["kind"] if has_kinds else []), "default", ""]
        parts += [f"\n## {part}\n", _row(columns), _row(["---"] * len(columns))]
        for setting in found:
            default = "" if setting.key in chosen else help_text.show(setting.default)
            shown = f"`{default}`" if default else ""
            kind = [setting.kind] if has_kinds else []
            text = setting.text + _choices(setting.choices)
            parts.append(_row([f"`{setting.key}`", *kind, shown, text]))
    return "\n".join([parts[0], "", parts[1], "", *parts[2:], "", "</div>", ""])


def _choices(names: Sequence[str]) -> str:
    """Returns the values a setting can have as a sentence, if there are any."""
    return f" One of {', '.join(f'`{name}`' for name in names)}." if names else ""


def _part(setting: Any) -> str:
    """Returns the part of the config that a setting belongs to."""
    part: str = setting.key.partition(".")[0]
    return part


def _row(cells: list[str]) -> str:
    """Returns one row of a Markdown table."""
    shown = (cell.replace("|", "\\|").replace("<", "&lt;") for cell in cells)
    return "| " + " | ".join(shown) + " |"
