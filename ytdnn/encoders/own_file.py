"""An encoder of the user's own from a Python file (docs/encoders.md).

The file is read once, and its text is stored with the trained model, so a model that is
loaded later is the one that was trained, even if the file has changed.
"""

import hashlib
import linecache
import pathlib
import traceback
import types
from typing import Any

from ytdnn import configs, errors, user_paths
from ytdnn.encoders import sequence

SETTING = "--config.candidates.encoder.file"


def read(file: str) -> str:
    """Returns the text of a file.

    Raises:
      errors.UserError: There is none.
    """
    try:
        return user_paths.expanded(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise errors.UserError(
            f"expected a Python file in {SETTING}, found none in {file!r}: write one "
            f"as docs/encoders.md shows"
        ) from None


def fingerprint(config: Any) -> dict[str, str]:
    """Returns the hash of the user's file, by which a trained model is recognised.

    Args:
      config: Settings of the encoder.

    Raises:
      errors.UserError: The file is missing.
    """
    if not isinstance(config, configs.OwnEncoderConfig):
        return {}
    return {"encoder": hashlib.sha256(read(config.file).encode()).hexdigest()[:16]}


def load(text: str, file: str) -> type[sequence.SequenceEncoder]:
    """Returns the encoder that a file declares.

    Args:
      text: Text of the file.
      file: Its name, for messages.

    Raises:
      errors.UserError: The file raises an error, or does not declare exactly one
      encoder.
    """
    module = types.ModuleType(pathlib.Path(file).stem)
    # Where the lines are found by tracebacks, and by what compiles `while` to a graph.
    linecache.cache[file] = len(text), None, text.splitlines(keepends=True), file
    try:
        exec(compile(text, file, "exec"), module.__dict__)
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        line = getattr(error, "lineno", None) or last.lineno
        raise errors.UserError(
            f"expected a Python file in {SETTING}={file} that runs, found "
            f"{type(error).__name__} in line {line}: {error}"
        ) from None
    base = sequence.SequenceEncoder
    found = [
        each
        for each in vars(module).values()
        if isinstance(each, type)
        and issubclass(each, base)
        and each.__module__ == module.__name__
    ]
    if len(found) != 1:
        names = ", ".join(each.__name__ for each in found) or "none"
        raise errors.UserError(
            f"expected one subclass of ytdnn.encoders.sequence.{base.__name__} in "
            f"{SETTING}={file}, found {names}"
        )
    return found[0]
