"""The budget of the code, and the script that counts it (CONTRIBUTING.md).

The numbers are only ever lowered, but for what an issue grants in its text. A room may
grow by what another loses in the same change.
"""

import pathlib

import pytest

from tests import code_size, rooms

# Lines of code of each room (`python -m tests.code_size`); HTML, CSS and JS count too.
ROOMS = {
    "base": 4_007,
    "log": 7_192,
    "layers": 675,
    "features": 3_180,
    "candidates": 1_226,
    "retrieval": 3_355,
    "ranking": 1_314,
    "training": 2_073,
    "bundle": 3_668,
    "evaluation": 6_204,
    "run": 3_787,
    "core": 36_681,
    "lab": 8_449,
    "ops": 6_027,
    "all": 51_157,
}
MOST = {
    "num_settings": 160,
    "num_test_lines": 43_500,
    "num_experiment_lines": 5_815,
    "num_words": 24_900,
}
MOST_MODULES = 54  # of `import ytdnn.training.candidates`


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


def test_rooms_keep_their_budget() -> None:
    sizes = {room: lines for room, (_, lines) in code_size.by_room(rooms.ROOT).items()}
    assert ROOMS.keys() == sizes.keys()
    assert {k: v for k, v in sizes.items() if v > ROOMS[k]} == {}


def test_the_budgets_add_up() -> None:
    inside = sum(ROOMS[room] for room in rooms.CORE)
    assert inside == ROOMS["core"]
    assert ROOMS["all"] == ROOMS["core"] + ROOMS[rooms.LAB] + ROOMS[rooms.OPS]


@pytest.mark.parametrize("count", MOST)
def test_what_lies_beside_the_package_keeps_its_budget(count: str) -> None:
    assert getattr(code_size, count)() <= MOST[count]


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
