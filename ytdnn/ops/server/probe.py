"""Checks the health of a server on this machine: the probe of containers.

    python -m ytdnn.ops.server.probe [--live] [PORT] [TOKEN_FILE]

Exit status 0: the server is ready, or with `--live` it answers at all; else 1. Only the
standard library is used, so that a probe takes a fraction of a second.
"""

import pathlib
import sys
import urllib.error
import urllib.request

_SECONDS = 5.0
_PORT = "8501"
_READY = 200


def main(arguments: list[str]) -> int:
    """Returns the exit status, and prints the answer.

    Args:
      arguments: Arguments of the command line.
    """
    is_live = arguments[:1] == ["--live"]
    port, *rest = arguments[is_live:] or [_PORT]
    request = urllib.request.Request(f"http://127.0.0.1:{port}/healthz")
    if rest:
        token = pathlib.Path(rest[0]).read_text(encoding="utf-8").strip()
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
            status, text = answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read().decode()
    except OSError as error:
        print(f"no answer on port {port}: {error}")
        return 1
    print(text)
    return 0 if is_live or status == _READY else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
