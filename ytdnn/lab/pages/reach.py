"""Section of the page on the coverage of the catalogue by lists, and its price."""

from collections.abc import Iterator

from ytdnn.base import registries
from ytdnn.base.metrics import metric_names
from ytdnn.evaluation import report_model
from ytdnn.evaluation.terminal import names, page_value
from ytdnn.lab.pages import page, tables

_QUALITY = ("ndcg", "hit_rate")
# In this order; those of a package or of `evaluation.metrics` are in the other tables.
_REACH = ("coverage", "novelty", "mean_popularity", "mean_age_days")


@registries.REPORT_SECTIONS.register("reach", place=12)
def sections(report: report_model.Report) -> Iterator[page.Section]:
    """Yields the section, where two models or more have lists with a coverage."""
    k = page_value.headline_k(report)
    metrics = [metric_names.at(metric, k) for metric in (*_QUALITY, *_REACH)]
    models = {
        name: found
        for name, found in page_value.retrieval(report).items()
        if metric_names.at(metric_names.COVERAGE, k) in found.values
    }
    if len(models) < 2:
        return
    shown = [m for m in metrics if any(m in each.values for each in models.values())]
    rows: list[list[page.Cell]] = [
        [names.model(name), *(tables.cell(*tables.three(found, m)) for m in shown)]
        for name, found in models.items()
    ]
    table = page.Table(["model", *map(metric_names.title, shown)], rows)
    stems = [metric_names.stem(metric) for metric in shown]
    meanings = [[metric_names.title(stem), metric_names.text(stem)] for stem in stems]
    words = page.Table(["metric", "definition"], meanings, words=(0, 1))
    yield page.Section(
        "Quality and reach",
        "A model that recommends what is popular anyway can be right and reach little "
        "of the catalogue. Compare quality with coverage: of two models of like "
        "quality, the one that reaches more serves more users and uploaders.",
        [table, page.Details("Meaning of each column", [words])],
    )
