"""Copies checkpoints to an object store in the background, while training goes on."""

import contextvars
import dataclasses
import os
import pathlib
import shutil
import threading
import time
from typing import Final

from ytdnn.base import progress
from ytdnn.training import checkpoint_store

_PENDING = ".uploading"
_LINKED, _COPIED = ("latest", "best"), "logs"  # TensorBoard appends to its files
_WHEN_ENDED: Final = 20.0  # of Kubernetes' 30 seconds between SIGTERM and SIGKILL
_Signature = tuple[int, int]


@dataclasses.dataclass(frozen=True)
class _Snapshot:
    """The files of a checkpoint, linked so that a later one does not remove them."""

    directory: pathlib.Path
    reached: tuple[int, int]

    def signatures(self) -> dict[str, _Signature]:
        """Returns size and time of each file, which tell whether it has changed."""
        return {
            path.relative_to(self.directory).as_posix(): (
                path.stat().st_size,
                path.stat().st_mtime_ns,
            )
            for path in self.directory.rglob("*")
            if path.is_file()
        }


class Uploads:
    """Uploads the checkpoints of a training, one at a time.

    A step waits only until the files have a second name. Where checkpoints come faster
    than they are uploaded, those in between are left out.

    Attributes:
      num_uploaded: Number of checkpoints that are on the store.
      num_left_out: Number of checkpoints that a later one replaced before its turn.
      seconds: Time that uploads took, beside the training.
    """

    def __init__(self, store: checkpoint_store.Store, directory: pathlib.Path) -> None:
        """Starts without uploads.

        Args:
          store: Folder of the training.
          directory: Directory of the training.
        """
        self.num_uploaded = self.num_left_out = 0
        self.seconds = 0.0
        self._store, self._directory = store, directory
        self._lock = threading.Lock()
        self._next: _Snapshot | None = None
        self._thread: threading.Thread | None = None
        self._known: dict[str, tuple[_Signature, tuple[str, int]]] = {}
        self._number, self._fails, self._keeps_old = 0, False, False
        shutil.rmtree(directory / _PENDING, ignore_errors=True)

    def add(self, reached: tuple[int, int]) -> None:
        """Uploads the checkpoint in the directory, after the one that is on its way.

        Args:
          reached: Finished epochs, and finished steps of the next one.
        """
        snapshot = self._snapshot(reached)
        with self._lock:
            before, self._next = self._next, snapshot
            if self._thread is None:
                context = contextvars.copy_context()  # lines go above the bar
                self._thread = threading.Thread(
                    target=context.run, args=(self._upload_all,), daemon=True
                )
                self._thread.start()
        if before is not None:
            self.num_left_out += 1
            shutil.rmtree(before.directory, ignore_errors=True)

    def finish(self, is_ended: bool = False) -> None:
        """Waits until the last checkpoint is on the store, or has failed.

        Args:
          is_ended: Whether the training ended early: a supervisor may not wait long.
        """
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join(_WHEN_ENDED if is_ended else None)

    def describe(self) -> str:
        """Returns a line about all uploads."""
        left_out = f", {self.num_left_out} left out" if self.num_left_out else ""
        return (
            f"checkpoints: {self.num_uploaded} uploaded to {self._store.url} in "
            f"{self.seconds:.1f} s beside the training{left_out}"
        )

    def _snapshot(self, reached: tuple[int, int]) -> _Snapshot:
        self._number += 1
        target = self._directory / _PENDING / str(self._number)
        for part in (*_LINKED, _COPIED):
            for path in (self._directory / part).glob("*"):
                (target / part).mkdir(parents=True, exist_ok=True)
                _linked(path, target / part / path.name, part == _COPIED)
        return _Snapshot(target, reached)

    def _upload_all(self) -> None:
        while True:
            with self._lock:
                snapshot, self._next = self._next, None
                if snapshot is None:
                    self._thread = None
                    return
            started = time.monotonic()
            self._upload(snapshot)
            self.seconds += time.monotonic() - started
            shutil.rmtree(snapshot.directory, ignore_errors=True)

    def _upload(self, snapshot: _Snapshot) -> None:
        try:
            found = snapshot.signatures()
            before = {k: v for k, (s, v) in self._known.items() if s == found.get(k)}
            kept = checkpoint_store.retried(
                lambda: self._store.put(snapshot.directory, snapshot.reached, before)
            )
        except Exception as error:  # whatever the package of a store raises
            self._known = {}  # the store may have lost files
            self._say_failed(error)
            return
        self._known = {path: (found[path], at) for path, at in kept.files.items()}
        self.num_uploaded += 1
        if self._fails:
            progress.say(f"checkpoints: uploaded to {self._store.url} again")
        self._fails = False
        self._remove_others(kept)

    def _remove_others(self, kept: checkpoint_store.Kept) -> None:
        try:
            self._store.remove_all_but(kept)
        except Exception as error:  # whatever the package of a store raises
            if not self._keeps_old:
                progress.say(
                    f"warning: old checkpoints stay at {self._store.url} "
                    f"({checkpoint_store.brief(error)})"
                )
            self._keeps_old = True

    def _say_failed(self, error: Exception) -> None:
        if not self._fails:
            progress.say(
                f"warning: the checkpoint could not be uploaded to {self._store.url} "
                f"({checkpoint_store.brief(error)}); training goes on, and uploads the "
                f"next one"
            )
        self._fails = True


def _linked(path: pathlib.Path, target: pathlib.Path, is_copied: bool) -> None:
    """Gives a file a second name; copies it where it changes or links are missing."""
    if not is_copied:
        try:
            os.link(path, target)
            return
        except OSError:  # the file system has no hard links
            pass
    shutil.copy2(path, target)
