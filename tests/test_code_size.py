"""The script that counts code, and the bound of the modules that training imports."""

import pathlib

import pytest

from tests import code_size, rooms

MOST_MODULES = 72  # of `import ytdnn.training.candidates`: lower it when it falls


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("", 0),
        ('"""Says\nmore."""\nimport os\n', 1),
        ("# why\n\nx = 1  # and\n", 1),
        ('def f():\n    """Does."""\n    return """a\nb"""\n', 3),
        ('async def f():\n    """Does."""\n    await g(\n        1\n    )\n', 4),
        ('class A:\n    """Is."""\n\n    b = 1\n    """Not one."""\n', 3),
    ],
)
def test_lines_with_code_are_counted(text: str, number: int) -> None:
    assert code_size.code_lines(text) == number


def test_rooms_add_up(tmp_path: pathlib.Path) -> None:
    for path in ("lab/world/a.py", "ops/b.py", "log/c.py", "base/metrics/d.py"):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text("x = 1\ny = 2\n")
    found = code_size.by_room(tmp_path)
    assert found["core"] == (2, 4)
    assert found["log"] == found["base"] == found["lab"] == found["ops"] == (1, 2)
    assert found["all"] == (4, 8)


def test_training_imports_no_more_modules() -> None:
    found = rooms.imported_with(code_size.ENTRY)
    assert {"training/loop.py", "candidates/model.py", "base/errors.py"} <= found
    assert {rooms.room_of(path) for path in found} <= set(rooms.CORE)
    assert len(found) <= MOST_MODULES
