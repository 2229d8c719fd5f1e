"""Notes that explain the numbers of a report, for the page and the terminal."""

from collections.abc import Iterator

from ytdnn.evaluation import report_model, report_parts
from ytdnn.evaluation.terminal import page_value

_MOVIELENS = (
    "On MovieLens expect both stages below the candidates alone: the ranker is "
    "trained on ratings of films that were watched, so it orders by how much a film is "
    "liked, not by which is watched next."
)


def sentences(report: report_model.Report) -> Iterator[str]:
    """Yields the notes that apply to a report, a sentence or two each."""
    protocol = report.protocol
    yield from _of_answers(protocol)
    later = protocol.train_watches_after_answers
    if later:
        yield (
            f"{later:,} training watches of the evaluated users are later than their "
            f"requests: the given split is not in order of time, and every model was "
            f"trained on data from the future."
        )
    if protocol.sees_request_time:
        yield (
            "Sees request time: the candidate model reads the time of the request, "
            "which is that of the first answer. Compare only with numbers that do too."
        )
    if protocol.trains_on_validation:
        yield (
            "Final fit: the candidate model was trained on training and validation "
            "watches, for a fixed number of epochs; only the test split is held out."
        )
    if _lacks_slates(report):
        yield (
            "No slate of the log holds both a clicked and an unclicked video, so the "
            "weighted per-user loss is unknown and nDCG of the slate says little: "
            "name the slate of each impression (impressions.page_id), or set "
            "--config.data.page_gap_seconds=600, after which pause one ends."
        )
    if protocol.system_left_out:
        yield f"Both stages are left out: {protocol.system_left_out}."
    if "system" in report.lists and page_value.value(report) is None:
        yield protocol.judged_by
    if "system" in report.lists and protocol.source == "movielens":
        yield _MOVIELENS
    yield from report.doubts


def _of_answers(protocol: report_parts.Protocol) -> Iterator[str]:
    """Yields a note on right answers that no model, or no list, can hold."""
    answers = protocol.answers
    unknown = protocol.answers_out_of_vocabulary
    lists_new = protocol.candidate_set_videos > protocol.videos
    if unknown and lists_new:
        yield (
            f"{unknown:,} of {answers:,} right answers are videos that were first "
            f"watched after the training window: the candidate model knows them by "
            f"their content alone."
        )
    elif unknown:
        yield (
            f"{unknown:,} of {answers:,} right answers are videos that were first "
            f"watched after the training window, so cannot be retrieved: an upper "
            f"bound below 1 on the recall of every model."
        )
    not_listed = protocol.answers_out_of_candidate_set
    if not_listed:
        yield (
            f"{not_listed:,} of {answers:,} right answers are not in the candidate "
            f"set, so cannot be retrieved{'' if lists_new else ' either'}."
        )


def _lacks_slates(report: report_model.Report) -> bool:
    """Returns whether watch time is known, but no order within slates."""
    loss, order = (
        any(found.values.get(name) is not None for found in report.impressions.values())
        for name in ("weighted_per_user_loss", "page_ndcg_by_seconds")
    )
    return order and not loss


def leaks(report: report_model.Report) -> Iterator[str]:
    """Yields the result of the leak check."""
    found = report.leaks
    yield (
        f"Leak check passed: none of the inputs of {found.checked_examples:,} examples "
        f"is at or after its label in the order of the log."
    )
    if found.same_second_inputs:
        yield (
            f"{found.same_second_inputs:,} inputs of "
            f"{found.examples_with_same_second_inputs:,} examples have the timestamp "
            f"of their label, and come before it in that order."
        )
