"""The headline of a report says better, worse or no clear difference."""

from tests.evaluation.terminal import example
from ytdnn.lab.pages import evaluation_page, headline


def test_a_world_compares_true_watch_seconds_of_slates() -> None:
    report = example.typed(example.with_pages())
    words = headline.sentence(report)
    assert words == (
        "Better: the ranker's slate of 10 videos is truly watched for 1,390 seconds, "
        "the candidates' for 520 (+870, 95 % interval +833 to +903)."
    )
    assert '<p class="finding">Better: the ranker' in evaluation_page.render(report)


def test_a_log_with_impressions_compares_the_order_with_popularity() -> None:
    report = example.with_pages(is_world=False)
    report["shown_lists"] = example.shown_lists()
    assert headline.sentence(example.typed(report)) == (
        "No clear difference: the first half of each user's videos in the order of the "
        "ranker holds 68.4 % of the watch time, by popularity 62.1 % (+6.3 points, "
        "95 % interval -1.0 to +13.0)."
    )


def test_without_either_the_candidates_are_compared_with_the_best_baseline() -> None:
    report = example.report()
    models = report["lists"]
    for name, value in (("candidates", 0.2), ("popularity", 0.3), ("markov", 0.1)):
        models.setdefault(name, {"values": {}, "intervals": {}})
        models[name]["values"]["ndcg@10"] = value
        models[name]["intervals"]["ndcg@10"] = [value - 0.02, value + 0.02]
    assert headline.sentence(example.typed(report)) == (
        "Worse: the candidates have nDCG@10 0.200 (0.180 to 0.220), the best baseline "
        "(popularity) 0.300 (0.280 to 0.320), with 95 % intervals."
    )
    del report["lists"]["candidates"]
    assert headline.sentence(example.typed(report)) == ""
