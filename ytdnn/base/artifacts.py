"""Artefacts: directories with a manifest, the outputs of steps.

A step writes into a hidden sibling directory, and `publish` renames it into place only
when it is complete, so a half-written artefact is never read and a killed step keeps
the old one. The manifest names the program and inputs that the artefact was made from,
and each file's size and checksum; `read_manifest` and `require_input` refuse an
artefact that does not fit with one line that names the two that disagree.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
import pathlib
import shutil
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import pydantic

import ytdnn
from ytdnn.base import configs, errors, whole_files

FORMAT_VERSION = 5
MANIFEST = "manifest.json"
LOGS = "logs"
_AGAIN = "make the artefact again"
_ALWAYS_HASHED_BYTES = 2**24  # vocabularies, weights of small models: cheap
# What makes an artefact again, `train` for all others.
_COMMANDS = {
    "data": "prepare",
    "world": "world",
    "bundle": "export",
    "evaluation": "evaluate",
}

_T = TypeVar("_T")


@dataclasses.dataclass(frozen=True)
class Manifest:
    """The description of an artefact: its kind, origin and files.

    Attributes:
      kind: `data`, `candidates`, `index`, `ranking`, `evaluation`, `bundle` or
        `world`.
      format_version: Version of the directory's layout.
      made_by: Program and version that wrote it.
      config: The configuration of the step, as nested dicts.
      inputs: Fingerprint of each artefact it was made from.
      files: `{relative path: {"bytes": …, "sha256": …}}`.
      facts: Facts about the output (counts, metrics), for people and later steps.
      checksum: Checksum of all other fields; empty in old manifests.
    """

    kind: str
    format_version: int
    made_by: str
    config: dict[str, Any]
    inputs: dict[str, str]
    files: dict[str, dict[str, Any]]
    facts: dict[str, Any]
    checksum: str = ""

    @property
    def own_checksum(self) -> str:
        """Sixteen hex digits that change with any other field."""
        return fingerprint(dataclasses.asdict(self) | {"checksum": ""})

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits that change with the content, config or inputs.

        Logs are left out: they hold wall-clock times, and a training repeated with
        the same seed is the same model.
        """
        files = {k: v for k, v in self.files.items() if not k.startswith(LOGS + "/")}
        return fingerprint(
            [self.kind, self.format_version, self.config, self.inputs, files]
        )


def fingerprint(value: Any) -> str:
    """Returns sixteen hex digits of the SHA-256 of a JSON-like value."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@contextlib.contextmanager
def publish(
    directory: pathlib.Path,
    kind: str,
    config: Mapping[str, Any],
    inputs: Mapping[str, str],
    facts: dict[str, Any] | None = None,
) -> Iterator[pathlib.Path]:
    """Context with an empty directory that replaces `directory` on success.

    Args:
      directory: Final directory of the artefact.
      kind: Kind of the artefact, checked by `read_manifest`.
      config: The step's configuration.
      inputs: Fingerprints of the artefacts it was made from.
      facts: Facts for the manifest, which the caller fills inside the block.
    """
    directory = pathlib.Path(directory)
    partial = directory.with_name(f".{directory.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    facts = {} if facts is None else facts
    with whole_files.removed_on_failure(partial):
        yield partial
        manifest = new_manifest(kind, config, inputs, whole_files.table(partial), facts)
        write_json(partial / MANIFEST, dataclasses.asdict(manifest))
        whole_files.replace(directory, partial)


def new_manifest(
    kind: str,
    config: Mapping[str, Any],
    inputs: Mapping[str, str],
    files: dict[str, dict[str, Any]],
    facts: Mapping[str, Any],
) -> Manifest:
    """Returns the manifest of an artefact that this program has just made."""
    manifest = Manifest(
        kind=kind,
        format_version=FORMAT_VERSION,
        made_by=f"ytdnn {ytdnn.__version__}",
        config=_plain(config),
        inputs=dict(inputs),
        files=files,
        facts=_plain(facts),
    )
    return dataclasses.replace(manifest, checksum=manifest.own_checksum)


def share(source: pathlib.Path, directory: pathlib.Path) -> None:
    """Links an artefact to a second place with hard links: its bytes are on disk once.

    Artefacts are never modified, so neither can change the other. Without hard links
    the files are copied.

    Args:
      source: The artefact.
      directory: Second place; an artefact there is replaced.
    """
    partial = directory.with_name(f".{directory.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    directory.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(source, partial, copy_function=whole_files.link)
    whole_files.replace(directory, partial)


def read_manifest(
    directory: pathlib.Path, kind: str, deep: bool = False, name: str = MANIFEST
) -> Manifest:
    """Reads and checks the manifest of an artefact.

    Args:
      directory: The artefact.
      kind: The kind expected.
      deep: Whether to check the SHA-256 of large files too, not only their size.
      name: Name of the manifest's file.

    Raises:
      errors.UserError: The artefact is missing, of another kind or format version, or a
        file does not agree with its manifest.
    """
    directory = pathlib.Path(directory)
    manifest = load_manifest(directory, kind, name)
    for file, entry in manifest.files.items():
        _check_file(directory / file, entry, deep, _command(kind))
    return manifest


def load_manifest(directory: pathlib.Path, kind: str, name: str = MANIFEST) -> Manifest:
    """Reads the manifest of an artefact without checking its files.

    Raises:
      errors.UserError: The manifest is missing, damaged, of another kind or format
        version, or names a file outside the artefact.
    """
    path = pathlib.Path(directory) / name
    manifest = _parsed(path, kind)
    if manifest.kind != kind:
        raise errors.UserError(
            f"expected an artefact of {kind} in {directory}, found {manifest.kind}"
        )
    for file in manifest.files:
        inside = pathlib.PurePosixPath(file)
        if inside.is_absolute() or ".." in inside.parts:
            raise errors.UserError(
                f"expected files inside {directory} in {path}, found {file!r}",
                f"the manifest was changed; {_AGAIN}",
            )
    if manifest.checksum and manifest.checksum != manifest.own_checksum:
        raise errors.UserError(
            f"{path} was changed since it was written: its checksum differs from the "
            f"recorded one",
            _AGAIN,
        )
    return manifest


def peek(path: pathlib.Path, field: str = "facts") -> dict[str, Any]:
    """Returns one field of a manifest's file, unchecked.

    Raises:
      OSError: The file cannot be read.
      ValueError: The file is not JSON.
      KeyError: The field is missing.
    """
    return json.loads(path.read_text())[field]


def _parsed(path: pathlib.Path, kind: str) -> Manifest:
    if not path.exists():
        own = path.parent / kind
        is_own = (own / MANIFEST).exists()
        raise errors.UserError(
            f"expected {'an' if kind[:1] in 'aeiou' else 'a'} {kind} artefact in "
            f"{path.parent}, found no {MANIFEST}",
            f"give {own}" if is_own else f"run `ytdnn {_command(kind)}` first",
        )
    try:
        values = json.loads(path.read_text())
        version = values["format_version"]
    except (ValueError, KeyError, TypeError) as error:
        raise errors.UserError(
            f"expected JSON with format_version in {path}, found a damaged file "
            f"({type(error).__name__})",
            _AGAIN,
        ) from None
    if version != FORMAT_VERSION:
        raise errors.UserError(
            f"expected format version {FORMAT_VERSION} in {path}, found {version}, of "
            f"another version of ytdnn",
            f"run `ytdnn {_command(kind)}` again",
        )
    try:
        return Manifest(**values)
    except TypeError:
        raise errors.UserError(
            f"{path} lacks fields of format version {FORMAT_VERSION}", _AGAIN
        ) from None


def _command(kind: str) -> str:
    return _COMMANDS.get(kind, "train")


def _check_file(
    path: pathlib.Path, entry: Mapping[str, Any], deep: bool, command: str
) -> None:
    again = f"run `ytdnn {command}` again"
    manifest = path.parent / MANIFEST
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise errors.UserError(
            f"{manifest.name} names {path}, which is missing", again
        ) from None
    if status.st_size != entry["bytes"]:
        raise errors.UserError(
            f"{path} disagrees with {manifest.name}: expected {entry['bytes']} bytes, "
            f"found {status.st_size}",
            again,
        )
    if not deep and status.st_size > _ALWAYS_HASHED_BYTES:
        return
    digest = whole_files.sha256(path) if deep else whole_files.sha256_once(path, status)
    if digest != entry["sha256"]:
        raise errors.UserError(
            f"{path} disagrees with {manifest.name}: its SHA-256 differs from the "
            f"recorded one",
            again,
        )


def read_config(
    manifest: Manifest, directory: pathlib.Path, config_class: type[_T]
) -> _T:
    """Returns the configuration that an artefact was made with.

    Args:
      manifest: Manifest of the artefact.
      directory: Directory of the artefact.
      config_class: Class of its `config`.

    Raises:
      errors.UserError: A setting is not supported by this version.
    """
    try:
        return configs.component(config_class, manifest.config)
    except pydantic.ValidationError as error:
        first = ".".join(map(str, error.errors()[0]["loc"]))
        raise errors.UserError(
            f"expected settings of this version of ytdnn in {directory / MANIFEST}, "
            f"found those of another version ({manifest.made_by}; {first})",
            f"run `ytdnn {_command(manifest.kind)}` again",
        ) from None


def require_input(
    manifest: Manifest, directory: pathlib.Path, name: str, source: Manifest
) -> None:
    """Checks that an artefact was made from the `source` next to it.

    Raises:
      errors.UserError: The artefact was made from another source.
    """
    made_from = manifest.inputs.get(name)
    if made_from != source.fingerprint:
        raise errors.UserError(
            f"{directory} was made from {name} {made_from}, but the {name} next to it "
            f"is {source.fingerprint}",
            f"run the step that makes {manifest.kind} again",
        )


def write_json(path: pathlib.Path, value: Any) -> None:
    """Writes a JSON file atomically: readers see the old or the new content."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def write_text(path: pathlib.Path, text: str) -> None:
    """Writes a text file atomically: readers see the old or the new content."""
    with (
        whole_files.whole_file(path) as partial,
        open(partial, "w", encoding="utf-8") as file,
    ):
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _plain(value: Any) -> Any:
    """Returns `value` as JSON reads it back (tuples become lists)."""
    return json.loads(json.dumps(value))
