"""Reads the `Attributes:` of Google docstrings, which users see.

They are the help texts of settings, and descriptions in the schema of the report.
"""

import inspect


def attributes(cls: type) -> dict[str, str]:
    """Returns the text of each attribute in a class's docstring, and in its base's."""
    _, _, section = (inspect.getdoc(cls) or "").partition("Attributes:\n")
    texts = attributes(cls.__base__) if cls.__base__ else {}
    name = ""
    for line in section.splitlines():
        if line.startswith("  ") and not line.startswith("   "):
            name, _, text = line.strip().partition(": ")
            texts[name] = text
        elif name and line.strip():
            texts[name] += " " + line.strip()
    return texts
