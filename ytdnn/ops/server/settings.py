"""The settings of a server."""

import dataclasses
import os
import pathlib

from ytdnn.base import errors

PORT = 8501  # TensorFlow Serving's of REST
HOST = "127.0.0.1"
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


@dataclasses.dataclass(frozen=True)
class Limits:
    """The limits of one request.

    Attributes:
      body_bytes: Maximum size of the body.
      body_seconds: Time until the body is complete.
      answer_seconds: Time until the answer is ready.
      queue_seconds: Maximum wait of the first request in a queue; beyond it, further
        requests are refused.
      rows: Maximum number of requests in one body.
      k: Maximum number of results.
      list_length: Maximum number of watches of a history, or of ids of any list.
    """

    body_bytes: int = 2**22
    body_seconds: float = 10.0
    answer_seconds: float = 30.0
    queue_seconds: float = 1.0
    rows: int = 256
    k: int = 1_000
    list_length: int = 10_000


@dataclasses.dataclass(frozen=True)
class Batching:
    """Parameters of batching, those of an exported `serving/batching.config`.

    Attributes:
      max_batch_size: Maximum number of rows of a run.
      batch_timeout_micros: Maximum time that a request waits for others.
      max_enqueued_batches: Maximum number of full batches in the queue; further
        requests are refused.
      num_batch_threads: Number of parallel runs.
    """

    max_batch_size: int = 32
    batch_timeout_micros: int = 1_000
    max_enqueued_batches: int = 100
    num_batch_threads: int = 2

    @property
    def most_rows(self) -> int:
        """Maximum number of rows in a queue."""
        return self.max_batch_size * self.max_enqueued_batches


@dataclasses.dataclass(frozen=True)
class Settings:
    """The settings of a server.

    Attributes:
      bundle: Directory of the bundle, which is watched for new versions.
      data: The prepared set of the bundle; None: no users are looked up.
      host: Address to listen on.
      port: Port to listen on; 0: any free port.
      token: Token that every path requires; None: no token.
      hosts: Names in the Host header that are accepted, in addition to the address's
        own.
      inspect: Whether users of the prepared set are shown.
      log: Directory of the served log; None: nothing is logged.
      state: File of the live state, or address of Redis; None: events are not taken.
      spare_videos: Maximum number of new videos that are added to the bundle.
      flush_seconds: Maximum time that answers are only in memory.
      poll_seconds: Time between two checks for a new version.
      is_batching: Whether requests share runs.
      limits: Limits of one request.
      processes: Number of processes that answer.
      access_log: File of the access log, `-` for the standard output; None: no log.
      traces: Whether requests are traced by OpenTelemetry.
    """

    bundle: pathlib.Path
    data: pathlib.Path | None = None
    host: str = HOST
    port: int = PORT
    token: str | None = None
    hosts: tuple[str, ...] = ()
    inspect: bool = False
    log: pathlib.Path | None = None
    state: pathlib.Path | str | None = None
    spare_videos: int = 1_000
    flush_seconds: float = 5.0
    poll_seconds: float = 1.0
    is_batching: bool = True
    limits: Limits = dataclasses.field(default_factory=Limits)
    processes: int = 1
    access_log: str | None = None
    traces: bool = False

    def __post_init__(self) -> None:
        """Checks that an address that others can reach has a token.

        Raises:
          errors.UserError: It has no token.
        """
        if self.host not in LOOPBACK_NAMES and not self.token:
            raise errors.UserError(
                f"expected a token to listen on {self.host}, which other machines can "
                f"reach, received none: give --token_file=FILE or the environment "
                f"variable YTDNN_TOKEN, or listen on {HOST}"
            )

    @property
    def batching(self) -> Batching:
        """Parameters of batching in one process."""
        shared = Batching()
        threads = max(1, -(-shared.num_batch_threads // self.processes))
        if self.is_batching:
            return dataclasses.replace(shared, num_batch_threads=threads)
        return Batching(1, 0, shared.most_rows, threads)

    @property
    def threads_of_a_process(self) -> int | None:
        """Threads of a model's operations; None: TensorFlow takes one for each core."""
        if self.processes == 1:
            return None
        return max(1, len(os.sched_getaffinity(0)) // self.processes)
