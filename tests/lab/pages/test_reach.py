"""The section on quality and reach of lists."""

from tests.evaluation.terminal import example
from ytdnn.evaluation.terminal import names
from ytdnn.lab.pages import page, reach


def test_models_stand_next_to_each_other_with_both_kinds_of_numbers() -> None:
    (section,) = reach.sections(example.typed())
    table = section.blocks[0]
    assert isinstance(table, page.Table)
    assert list(table.columns[:4]) == ["model", "nDCG@10", "hit rate@10", "coverage@10"]
    assert [row[0] for row in table.rows] == [names.model(m) for m in _retrieving()]


def _retrieving() -> list[str]:
    return list(example.LIST_MODELS)


def test_one_model_alone_has_no_section() -> None:
    report = example.report()
    for name in list(report["lists"])[1:]:
        del report["lists"][name]["values"]["coverage@10"]
    assert not list(reach.sections(example.typed(report)))
