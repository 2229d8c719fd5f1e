"""The one exception a user's mistake raises: a single line that says what to do."""


class UserError(Exception):
    """A mistake the user can mend.

    The message is one line: what was expected, what was received and where
    (table, row, column, file or flag), and what to do. The command line prints
    it without a stack trace and exits with status 2.
    """

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))
