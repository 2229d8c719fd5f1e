"""The state in Redis, shared by servers on several machines.

    ytdnn:event       number of an event → the event
    ytdnn:id          its id → its number and the digest of its body
    ytdnn:log         all numbers, in order
    ytdnn:user:USER   numbers of a user's events, by time
    ytdnn:request:ID  numbers of events that name a request and no user
    ytdnn:video       numbers of new videos, in order
    ytdnn:removals    number of removals of users

Scripts run one after the other, so that a batch is stored as a whole. Redis must append
to its file and flush it before it answers.
"""

import concurrent.futures
import hashlib
import json
import time
from collections.abc import Iterable, Sequence
from typing import Any

from ytdnn.base import errors
from ytdnn.ops.state import posted_events, store

SCHEMES = ("redis://", "rediss://")
_THREADS = 4
_REWRITE_SECONDS = 60.0
_DURABLE = {"appendonly": "yes", "appendfsync": "always"}
_EVENT, _ID, _LOG = "ytdnn:event", "ytdnn:id", "ytdnn:log"
_VIDEO = "ytdnn:video"
_USER, _REQUEST = "ytdnn:user:", "ytdnn:request:"
_NUM_REMOVALS = "ytdnn:removals"
# Six arguments an event: id, digest, user, request, time, event.
_ADD = """
for i = 1, #ARGV, 6 do
  local known = redis.call('HGET', 'ytdnn:id', ARGV[i])
  local digest = known and string.match(known, ' (.*)')
  if known and digest ~= ARGV[i + 1] then return -((i + 5) / 6) end
end
local stored = 0
for i = 1, #ARGV, 6 do
  if redis.call('HEXISTS', 'ytdnn:id', ARGV[i]) == 0 then
    local number = string.format('%016d', redis.call('INCR', 'ytdnn:number'))
    redis.call('HSET', 'ytdnn:id', ARGV[i], number .. ' ' .. ARGV[i + 1])
    redis.call('HSET', 'ytdnn:event', number, ARGV[i + 5])
    redis.call('ZADD', 'ytdnn:log', number, number)
    if ARGV[i + 2] ~= '' then
      redis.call('ZADD', 'ytdnn:user:' .. ARGV[i + 2], ARGV[i + 4], number)
    elseif ARGV[i + 3] ~= '' then
      redis.call('SADD', 'ytdnn:request:' .. ARGV[i + 3], number)
    else
      redis.call('ZADD', 'ytdnn:video', number, number)
    end
    stored = stored + 1
  end
end
return stored
"""


class RedisStore(store.Store):
    """The events of a database of Redis."""

    def __init__(self, url: str) -> None:
        """Connects.

        Args:
          url: Address, such as `redis://host:6379/0`.

        Raises:
          errors.UserError: The package or the server is missing, or what it has
            acknowledged could be lost.
        """
        try:
            import redis
        except ImportError:
            raise errors.UserError(
                "--state=redis://… needs redis: pip install -c constraints.txt "
                "'.[serve,redis]' in the checkout"
            ) from None
        self._error: type[Exception] = redis.RedisError
        place = store.named(url)
        self._redis: Any = redis.Redis.from_url(url, decode_responses=True)
        try:
            given = self._redis.config_get("append*")
        except (redis.RedisError, ValueError) as error:
            raise errors.UserError(
                f"expected a server of Redis at --state={place}, found {error}"
            ) from None
        for name, value in _DURABLE.items():
            if given.get(name) != value:
                raise errors.UserError(
                    f"expected {name} {value} in Redis at {place}, which may else "
                    f"lose acknowledged events, found {given.get(name)}: set it in "
                    f"redis.conf"
                )
        self._add = self._redis.register_script(_ADD)
        self._threads = concurrent.futures.ThreadPoolExecutor(_THREADS)

    def add(self, batch: Sequence[posted_events.Event]) -> store.Acknowledged:
        """Stores events, all or none; see `store.Store`."""
        return self._threads.submit(self._store, batch)

    def _store(self, batch: Sequence[posted_events.Event]) -> store.Receipt:
        digests: dict[str, str] = {}
        arguments: list[Any] = []
        for event in batch:
            digest = hashlib.sha256(event.body.encode()).hexdigest()
            if digests.setdefault(event.id, digest) != digest:
                raise store.other_event(event)
            told = event.user, event.request, event.time, json.dumps(event)
            arguments += [event.id, digest, *told]
        stored = self._run(self._add, args=arguments) if batch else 0
        if stored < 0:
            raise store.other_event(batch[-stored - 1])
        return store.Receipt(stored, len(batch) - stored)

    def user_events(self, user: str) -> list[posted_events.Event]:
        """Returns the last events of a user, in order of time."""
        last = store.MOST_OF_A_USER - 1
        own, _ = self._read_user(self._redis.zrevrange, user, last)
        return [own[number] for number in sorted(own, key=lambda n: (own[n].time, n))]

    def since(self, place: int, most: int, videos: bool = False) -> store.Placed:
        """Returns the next events, with their places; see `store.Store`."""
        key, after = _VIDEO if videos else _LOG, f"({place}"
        numbers = self._run(
            self._redis.zrangebyscore, key, after, "+inf", start=0, num=most
        )
        return [(int(number), event) for number, event in self._read(numbers).items()]

    def remove_user(self, user: str) -> int:
        """Removes all events of a user from every file; returns their number."""
        own, keys = self._read_user(self._redis.zrange, user, -1)
        self._run(self._redis.delete, _USER + user, *keys)
        self._remove(own)
        self._run(self._redis.incr, _NUM_REMOVALS)
        self._rewrite()
        return len(own)

    def num_removals(self) -> int:
        """Returns how often a user was removed; see `store.Store`."""
        return int(self._run(self._redis.get, _NUM_REMOVALS) or 0)

    def prune(self, before: int, received: float) -> int:
        """Removes old events, but the last of each user; see `store.Store`."""

        def is_old(event: posted_events.Event) -> bool:
            return event.time < before and event.received < received

        number, last = 0, -store.LAST_EVENTS - 1
        for key in self._keys(_USER):
            old = set(self._run(self._redis.zrangebyscore, key, "-inf", f"({before}"))
            old &= set(self._run(self._redis.zrange, key, 0, last))
            gone = {n: e for n, e in self._read(old).items() if is_old(e)}
            if gone:
                self._run(self._redis.zrem, key, *gone)
            number += self._remove(gone)
        kept = {e.request for _, e in self.every() if e.user and e.request}
        for key in self._keys(_REQUEST):
            told = self._read(self._run(self._redis.smembers, key))
            are_old = all(map(is_old, told.values()))
            if are_old and key.removeprefix(_REQUEST) not in kept:
                self._run(self._redis.delete, key)
                number += self._remove(told)
        videos = self._read(self._run(self._redis.zrange, _VIDEO, 0, -1))
        return number + self._remove({n: e for n, e in videos.items() if is_old(e)})

    def close(self) -> None:
        """Writes what waits, and disconnects."""
        self._threads.shutdown()
        self._redis.close()

    def _keys(self, prefix: str) -> list[str]:
        return self._run(lambda: list(self._redis.scan_iter(f"{prefix}*", 1_000)))

    def _read_user(
        self, read: Any, user: str, last: int
    ) -> tuple[dict[str, posted_events.Event], set[str]]:
        """Returns events of a user by number, those that only name a request included.

        Args:
          read: Command that reads the numbers of those that name the user.
          user: Id of the user, as text.
          last: Place of the last one.

        Returns:
          The events, and the keys of their requests.
        """
        own = self._read(self._run(read, _USER + user, 0, last))
        keys = {_REQUEST + event.request for event in own.values() if event.request}
        if keys:
            own |= self._read(self._run(self._redis.sunion, *keys))
        return own, keys

    def _read(self, numbers: Iterable[str]) -> dict[str, posted_events.Event]:
        """Returns events by their numbers, without those that were removed."""
        asked = list(numbers)
        texts = self._run(self._redis.hmget, _EVENT, asked) if asked else []
        pairs = zip(asked, texts, strict=True)
        return {n: posted_events.Event(*json.loads(text)) for n, text in pairs if text}

    def _remove(self, gone: dict[str, posted_events.Event]) -> int:
        if gone:
            self._run(self._redis.hdel, _ID, *(event.id for event in gone.values()))
            for key in (_LOG, _VIDEO):
                self._run(self._redis.zrem, key, *gone)
            self._run(self._redis.hdel, _EVENT, *gone)
        return len(gone)

    def _rewrite(self) -> None:
        """Writes the file of Redis anew, whose old parts hold what was removed."""
        end = time.monotonic() + _REWRITE_SECONDS
        self._run(self._redis.bgrewriteaof)
        state = ("aof_rewrite_in_progress", "aof_rewrite_scheduled")
        while any(self._run(self._redis.info, "persistence")[name] for name in state):
            if time.monotonic() > end:
                raise store.StateError("Redis still writes its file anew: ask again")
            time.sleep(0.05)

    def _run(self, function: Any, *given: Any, **named: Any) -> Any:
        """Calls Redis; its errors are those of the state."""
        try:
            return function(*given, **named)
        except self._error as error:
            raise store.StateError(str(error)) from None
