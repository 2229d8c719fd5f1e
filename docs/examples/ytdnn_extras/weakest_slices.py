"""The slices of users and videos with the lowest hit rate."""

from ytdnn import registries
from ytdnn.lab.pages import page


@registries.REPORT_SECTIONS.register("weakest_slices", place=15)
def weakest_slices(report):
    """Yields one section, where the report has slices of the candidates."""
    found = [
        (values["candidates"][metric][0], f"{name} {row.value}", row.answers)
        for name, rows in report.slices.items()
        for row in rows
        for values in [row.lists]
        for metric in values.get("candidates", {})
        if metric.startswith("hit_rate@")
    ]
    if found:
        rows = [[words, value, answers] for value, words, answers in sorted(found)[:5]]
        table = page.Table(["slice", "hit rate", "answers"], rows)
        yield page.Section("Weakest slices", "Where candidates find least.", [table])
