"""What a reader must know to read the numbers right, for the page and the terminal."""

from collections.abc import Iterator, Mapping
from typing import Any

Report = Mapping[str, Any]

_WATCH_TIME = (
    "The ranker orders by expected watch time once shown, the lists are judged by "
    "what was watched: candidates + ranker may fall below candidates alone."
)
_MOVIELENS = (
    "On MovieLens expect candidates + ranker below candidates alone: the ranker was "
    "trained on ratings of films people had watched, so it orders by how well a film "
    "is liked, not by which is watched next."
)


def of(report: Report) -> Iterator[str]:
    """Yields the notes that apply to a report, a sentence or two each."""
    protocol = report["protocol"]
    answers = protocol.get("answers", 0)
    unknown = protocol.get("answers_out_of_vocabulary", 0)
    if unknown:
        yield (
            f"{unknown:,} of {answers:,} right answers are videos out of the "
            f"vocabulary (not watched in training): no list can hold them, so that "
            f"perfect recall is out of reach for every model."
        )
    not_listed = protocol.get("answers_out_of_candidate_set", 0)
    if not_listed:
        yield (
            f"{not_listed:,} of {answers:,} right answers are not in the candidate "
            f"set: no list can hold them either."
        )
    later = protocol.get("train_watches_after_answers", 0)
    if later:
        yield (
            f"{later:,} training watches of the users asked lie after their requests: "
            f"the given split is not in order of time, and every model has learnt "
            f"from the future."
        )
    if protocol.get("sees_request_time"):
        yield (
            "Sees request time: the candidate model reads the time of the request, "
            "which is that of the first answer. Compare only with numbers that do too."
        )
    if protocol.get("trains_on_validation"):
        yield (
            "The candidate model was trained on the watches held out for validation "
            "too, for a number of epochs that was given: a final fit, judged on the "
            "test alone."
        )
    if protocol.get("system_left_out"):
        yield f"Both stages composed are left out: {protocol['system_left_out']}."
    if "system" in report["lists"]:
        yield _MOVIELENS if protocol.get("source") == "movielens" else _WATCH_TIME


def leaks(report: Report) -> Iterator[str]:
    """Yields what the leak check found."""
    found = report.get("leaks")
    if not found:
        return
    yield (
        f"Leak check: in {found['checked_examples']:,} examples, "
        f"{found['inputs_at_or_after_label']:,} inputs lie at or after the watch to be "
        f"predicted, in the stated order; {found['same_second_inputs']:,} inputs of "
        f"{found['examples_with_same_second_inputs']:,} examples share its second."
    )
