"""Lines for the terminal."""


def say(line: str) -> None:
    """Prints a line at once, also into a pipe."""
    print(line, flush=True)
