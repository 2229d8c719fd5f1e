"""Python files of the user that a setting names.

A file declares one class, or registers any number of parts (`ytdnn.base.registries`).
"""

import contextlib
import dataclasses
import functools
import hashlib
import linecache
import pathlib
import traceback
import types
from collections.abc import Iterator
from typing import Any

from ytdnn.base import errors, user_paths


@dataclasses.dataclass(frozen=True)
class OwnFile:
    """A kind of file.

    Attributes:
      setting: Flag that names the file, for messages.
      page: Page of the documentation with an example.
    """

    setting: str
    page: str

    def read(self, file: str) -> str:
        """Returns the text of a file.

        Raises:
          errors.UserError: The file does not exist.
        """
        try:
            return user_paths.expanded(file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            raise errors.UserError(
                f"expected a Python file in {self.setting}, found none in {file!r}",
                f"write one as {self.page} shows",
            ) from None

    def fingerprint(self, file: str) -> str:
        """Returns a hash of the text of a file.

        Raises:
          errors.UserError: The file does not exist.
        """
        return hashlib.sha256(self.read(file).encode()).hexdigest()[:16]

    def load(self, text: str, file: str, base: type, base_name: str) -> type[Any]:
        """Returns the one subclass of `base` that a file declares.

        Args:
          text: Text of the file.
          file: Name of the file, for messages.
          base: Class to be subclassed.
          base_name: Full name of that class, for messages.

        Raises:
          errors.UserError: The file raises an error, or does not declare exactly one
            subclass.
        """
        classes = [
            each
            for each in vars(self.run(text, file)).values()
            if isinstance(each, type)
            and issubclass(each, base)
            and each.__module__ == pathlib.Path(file).stem
        ]
        if len(classes) != 1:
            names = ", ".join(each.__name__ for each in classes) or "none"
            raise errors.UserError(
                f"expected one subclass of {base_name} in {self.setting}={file}, "
                f"found {names}"
            )
        return classes[0]

    def run(self, text: str, file: str, name: str = "") -> types.ModuleType:
        """Runs the text of a file, and returns it as a module.

        Args:
          text: Text of the file.
          file: Name of the file, for messages.
          name: Name of the module; empty: that of the file.

        Raises:
          errors.UserError: The file raises an error.
        """
        module = types.ModuleType(name or pathlib.Path(file).stem)
        module.__file__ = file
        # Tracebacks find the lines here, as does AutoGraph, which compiles `while`.
        linecache.cache[file] = len(text), None, text.splitlines(keepends=True), file
        with self.failing_in_one_line(file):
            exec(compile(text, file, "exec"), module.__dict__)
        return module

    @contextlib.contextmanager
    def failing_in_one_line(self, file: str) -> Iterator[None]:
        """Context of the user's code: any error becomes a line with its place.

        Raises:
          errors.UserError: The code raises an error.
        """
        try:
            yield
        except errors.SettingError as error:
            raise errors.UserError(f"{error} ({file})") from None
        except errors.UserError:
            raise
        except Exception as error:
            frames = traceback.extract_tb(error.__traceback__)
            lines = [frame.lineno for frame in frames if frame.filename == file]
            line = getattr(error, "lineno", None) or (lines[-1] if lines else "?")
            raise errors.UserError(
                f"expected a Python file in {self.setting}={file} that runs, found "
                f"{type(error).__name__} in line {line}: {error}"
            ) from None


LOSS = OwnFile("--config.candidates.loss.file", "docs/losses.md")
ENCODER = OwnFile("--config.candidates.encoder.file", "docs/encoders.md")
_EXTENSION = OwnFile("--config.extensions", "docs/extending.md")


def extend(file: str) -> None:
    """Runs a file that registers parts, unless the same text has been run already.

    Raises:
      errors.UserError: The file is missing or raises an error.
    """
    _extend(file, _EXTENSION.read(file))


@functools.cache
def _extend(file: str, text: str) -> None:
    # The name says which text a part came from (`registry.Registry.version`).
    hashed = hashlib.sha256(text.encode()).hexdigest()[:16]
    _EXTENSION.run(text, file, f"{pathlib.Path(file).stem}.{hashed}")
