"""The embedded state: a file of SQLite in WAL mode, shared by a server's processes.

A thread of each process writes. It takes all waiting batches into one transaction and
acknowledges them after its commit, which is on the disk (`synchronous=FULL`): a batch
costs a share of one flush, and survives a kill from its acknowledgement on.
"""

import contextlib
import logging
import pathlib
import queue
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence

from ytdnn.base import errors
from ytdnn.ops.state import posted_events, store

MOST_WAITING = 10_000  # batches
_BATCHES_A_COMMIT = 1_000
_BUSY_SECONDS = 30.0  # waited for the other processes
_COLUMNS = "id, kind, user, request, time, received, body"
_TABLES = """
PRAGMA journal_mode=WAL;
CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, user TEXT NOT NULL,
    request TEXT NOT NULL, time INTEGER NOT NULL, received REAL NOT NULL,
    body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS of_user ON events (user, time);
CREATE INDEX IF NOT EXISTS of_request ON events (request) WHERE request != '';
CREATE INDEX IF NOT EXISTS of_videos ON events (seq) WHERE kind = 'video';
"""
_FOREIGN = """SELECT name FROM sqlite_master WHERE type = 'table'
    AND name NOT IN ('events', 'sqlite_sequence')"""
_NUM_REMOVALS = "PRAGMA user_version"
_INSERT = f"INSERT OR IGNORE INTO events ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"
# The events of a user, and those that name a request of theirs without naming them.
_OF_USER = """user = :user OR (user = '' AND request IN
    (SELECT request FROM events WHERE user = :user AND request != ''))"""
_PRUNE = (
    """DELETE FROM events WHERE seq IN (SELECT seq FROM (SELECT seq, time, received,
    row_number() OVER (PARTITION BY user ORDER BY time DESC, seq DESC) AS place
    FROM events WHERE user != '')
    WHERE time < :before AND received < :received AND place > :last)""",
    """DELETE FROM events WHERE user = '' AND time < :before AND received < :received
    AND (request = '' OR request NOT IN
    (SELECT request FROM events WHERE user != ''))""",
)


_Batch = tuple[Sequence[posted_events.Event], store.Acknowledged]


class Database(store.Store):
    """The events of a file."""

    def __init__(self, path: pathlib.Path) -> None:
        """Opens the file, or makes it.

        Args:
          path: Path of the file; its folder must exist.

        Raises:
          errors.UserError: It is not a state, or cannot be made.
        """
        self._path = path
        line = f"waiting up to {_BUSY_SECONDS:g} s: another process has locked {path}"
        notice = threading.Timer(1.0, logging.getLogger(__name__).warning, (line,))
        notice.start()
        try:
            with contextlib.closing(self._connect()) as connection:
                if connection.execute(_FOREIGN).fetchall():
                    raise sqlite3.DatabaseError("tables of another program")
                connection.executescript(_TABLES)
            self._reading = self._connect()
        except sqlite3.Error as error:
            raise errors.UserError(
                f"expected the state of a server, or room for a new one, in {path}, "
                f"found {error}: give another --state"
            ) from None
        finally:
            notice.cancel()
        self._lock = threading.Lock()  # of the connection that reads
        self._waiting: queue.Queue[_Batch | None] = queue.Queue(MOST_WAITING)
        self._writer = threading.Thread(target=self._write, daemon=True)
        self._writer.start()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, _BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        # What is deleted is overwritten with zeros.
        connection.executescript("PRAGMA synchronous=FULL; PRAGMA secure_delete=ON")
        return connection

    def add(self, batch: Sequence[posted_events.Event]) -> store.Acknowledged:
        """Stores events, all or none; see `store.Store`."""
        future = store.Acknowledged()
        if not self._path.exists():  # a removed file keeps nothing
            raise store.StateError("its file is gone: start the server again")
        try:
            self._waiting.put_nowait((batch, future))
        except queue.Full:
            late = "the disk does not keep up with the events"
            raise store.StateError(late) from None
        return future

    def user_events(self, user: str) -> list[posted_events.Event]:
        """Returns the last events of a user, in order of time."""
        rows = self._read(
            f"SELECT {_COLUMNS} FROM events WHERE {_OF_USER} "
            f"ORDER BY time DESC, seq DESC LIMIT {store.MOST_OF_A_USER}",
            {"user": user},
        )
        return [posted_events.Event(*row) for row in reversed(rows)]

    def since(self, place: int, most: int, videos: bool = False) -> store.Placed:
        """Returns the next events, with their places; see `store.Store`."""
        where = "seq > ?" + (" AND kind = 'video'" if videos else "")
        query = f"SELECT seq, {_COLUMNS} FROM events WHERE {where} ORDER BY seq LIMIT ?"
        rows = self._read(query, (place, most))
        return [(row[0], posted_events.Event(*row[1:])) for row in rows]

    def remove_user(self, user: str) -> int:
        """Removes all events of a user from the file and its log; returns their number.

        Raises:
          store.StateError: Another process kept the log from being emptied.
        """
        with _errors(), contextlib.closing(self._connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            query = f"DELETE FROM events WHERE {_OF_USER}"
            removed = connection.execute(query, {"user": user})
            ((number,),) = connection.execute(_NUM_REMOVALS)
            connection.execute(f"{_NUM_REMOVALS} = {number + 1}")
            connection.execute("COMMIT")
            # Pages that were split keep copies of rows, which only a new file loses.
            connection.execute("VACUUM")
            end = time.monotonic() + _BUSY_SECONDS
            while connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                if time.monotonic() > end:
                    raise store.StateError("other processes read the log: ask again")
                time.sleep(0.01)
            return removed.rowcount

    def num_removals(self) -> int:
        """Returns how often a user was removed; see `store.Store`."""
        ((number,),) = self._read(_NUM_REMOVALS, ())
        return int(number)

    def prune(self, before: int, received: float) -> int:
        """Removes old events, but the last of each user; see `store.Store`."""
        given = {"before": before, "received": received, "last": store.LAST_EVENTS}
        with _errors(), contextlib.closing(self._connect()) as connection:
            return sum(connection.execute(each, given).rowcount for each in _PRUNE)

    def close(self) -> None:
        """Writes what waits, and closes the file."""
        self._waiting.put(None)
        self._writer.join()
        with self._lock:
            self._reading.close()

    def _read(self, query: str, given: object) -> list[tuple]:
        with _errors(), self._lock:
            return self._reading.execute(query, given).fetchall()  # type: ignore[arg-type]

    def _write(self) -> None:
        """Stores batches until the state is closed; the target of a thread."""
        with contextlib.closing(self._connect()) as connection:
            while True:
                batches = [self._waiting.get()]
                with contextlib.suppress(queue.Empty):
                    while len(batches) < _BATCHES_A_COMMIT:
                        batches.append(self._waiting.get_nowait())
                _commit(connection, [batch for batch in batches if batch])
                if None in batches:
                    return


def _commit(connection: sqlite3.Connection, batches: Sequence[_Batch]) -> None:
    """Stores batches in one transaction, and gives each its result."""
    results: list[store.Receipt | errors.UserError | store.StateError] = []
    try:
        connection.execute("BEGIN IMMEDIATE")
        for batch, _ in batches:
            connection.execute("SAVEPOINT batch")
            try:
                results.append(_insert(connection, batch))
            except errors.UserError as error:
                connection.execute("ROLLBACK TO batch")
                results.append(error)
            connection.execute("RELEASE batch")
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        results = [store.StateError(str(error)) for _ in batches]
    for (_, future), result in zip(batches, results, strict=True):
        if isinstance(result, store.Receipt):
            future.set_result(result)
        else:
            future.set_exception(result)


def _insert(
    connection: sqlite3.Connection, batch: Sequence[posted_events.Event]
) -> store.Receipt:
    """Inserts events.

    Raises:
      errors.UserError: An id is that of another event.
    """
    stored, query = 0, "SELECT body FROM events WHERE id = ?"
    for event in batch:
        if connection.execute(_INSERT, event).rowcount:
            stored += 1
        elif connection.execute(query, (event.id,)).fetchone() != (event.body,):
            raise store.other_event(event)
    return store.Receipt(stored, len(batch) - stored)


@contextlib.contextmanager
def _errors() -> Iterator[None]:
    """Context that raises errors of SQLite as `store.StateError`."""
    try:
        yield
    except sqlite3.Error as error:
        raise store.StateError(str(error)) from None
