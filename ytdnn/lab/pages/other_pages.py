"""The section of off-policy estimates, for slates other than the logged ones."""

from collections.abc import Iterator

from ytdnn.base import registries
from ytdnn.evaluation import definitions, report_model
from ytdnn.evaluation.terminal import names, off_policy_table
from ytdnn.lab.pages import page, tables


@registries.REPORT_SECTIONS.register("off_policy", place=30)
def sections(report: report_model.Report) -> Iterator[page.Section]:
    """Yields the section, where the log has propensities."""
    found = report.off_policy
    if found is None:
        return
    numbers = page.Table(
        ["system", "reward", "as logged", *definitions.ESTIMATORS, "effective size"],
        [
            [
                row.system,
                row.reward,
                tables.cell(*row.logged),
                *(
                    tables.cell(*row.estimates.get(name, off_policy_table.NOT_KNOWN))
                    for name in definitions.ESTIMATORS
                ),
                row.effective,
            ]
            for row in off_policy_table.rows(found)
        ],
        off_policy_table.counts(found),
        words=(0, 1),
    )
    weights = page.Table(
        ["system", "mean weight", "places never shown"],
        [
            [
                names.model(name),
                tables.cell(*value.mean_weight),
                f"{value.share_never_shown:.0%}",
            ]
            for name, value in found.systems.items()
        ],
        "How far the log could have shown the systems' pages",
    )
    meanings = page.Table(
        ["", "definition"],
        [[name, text] for name, text in definitions.OFF_POLICY.items()],
        words=(0, 1),
    )
    yield page.Section(
        "Estimates of other slates",
        "The log says with what probability it showed each video in its place, so each "
        "place can be weighed by how likely a system would have shown the same. A "
        "small effective size means that the estimate rests on few places; a mean "
        "weight below 1, that the log could not have shown what the system would.",
        [numbers, weights, page.Details("Meaning of each number", [meanings])],
    )
