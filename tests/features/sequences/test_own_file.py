import pathlib

import pytest

from tests.features.sequences import documented
from ytdnn import configs
from ytdnn.base import errors, registries
from ytdnn.features.sequences import sequence

IMPORT = "from ytdnn.features.sequences import sequence\n"
EMPTY = "class {}(sequence.SequenceEncoder):\n    pass\n"


def test_the_file_that_the_page_shows_declares_one() -> None:
    assert sequence.load_file(documented.gru(), "gru.py").__name__ == "GRU"
    assert len(documented.gru().splitlines()) < 60


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            IMPORT,
            "expected one subclass of "
            "ytdnn.features.sequences.sequence.SequenceEncoder in ",
        ),
        (IMPORT + EMPTY.format("A") + EMPTY.format("B"), "gru.py, found A, B"),
        ("x = 1\n(", "that runs, found SyntaxError in line 2"),
        ("x = 1\nx / 0\n", "that runs, found ZeroDivisionError in line 2"),
    ],
)
def test_a_file_that_declares_none_is_refused(text: str, message: str) -> None:
    with pytest.raises(errors.UserError, match=message) as caught:
        sequence.load_file(text, "gru.py")
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: pathlib.Path) -> None:
    own = configs.OwnEncoderConfig(file=str(tmp_path / "no.py"))
    with pytest.raises(errors.UserError, match=r"found none in '.*no\.py': write one"):
        registries.versions(configs.CandidatesConfig(encoder=own))


def test_another_text_has_another_fingerprint(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "gru.py"
    found = []
    for text in ("a", "b", "a"):
        path.write_text(text)
        own = configs.OwnEncoderConfig(file=str(path))
        found.append(registries.versions(configs.CandidatesConfig(encoder=own)))
    assert found[0] == found[2] != found[1]
