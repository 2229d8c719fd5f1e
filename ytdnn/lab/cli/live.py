"""`ytdnn live`: compares arms in a world that continues day by day."""

import pathlib

from ytdnn.base import configs, errors
from ytdnn.lab.cli import world
from ytdnn.lab.live import live_tests
from ytdnn.run.cli import command, output

Flag = command.Flag

FLAGS = (
    Flag(
        "arms",
        "Arms of the test, the first compared with all others: NAME=WORKDIR of a run, "
        "or one of logging (the policy behind the log's slates), popularity (most "
        "watched in the last week), bound (the slate of most true watch seconds).",
        example="ARM,…",
        required=True,
    ),
    Flag(
        "out", "Directory of the test, made if missing.", example="DIR", required=True
    ),
    Flag("days", "Days of the test; default: the world's live_days.", example="N"),
    Flag(
        "seed",
        "Random seed for the split of users and for the arms; default: 0.",
        example="N",
    ),
    Flag(
        "refresh_days",
        "Days between refreshes of each run with the events of its arm's users; for "
        "only some arms such as daily=1,weekly=7. Default: 0, never.",
        example="N|NAME=N,…",
    ),
    Flag(
        "counters",
        "Arms whose counters and live terms follow what their users do, as those of "
        "ytdnn serve. Default: none, they are as of the export.",
        example="NAME,…",
    ),
    Flag(
        "preset",
        "World to test in if no arm is a run, with --config.data.world.live_days.",
        example="|".join(configs.WORLDS),
    ),
)


@command.register("live", FLAGS, ("data.world",))
def run(given: command.Arguments) -> None:
    """Run an A/B test of several runs on simulated users.

    The simulated world of the runs continues where their log ends; each user gets all
    slates from one arm, and responds by the world's laws. Reports the watches of each
    arm, differences with intervals, conclusions allowed to a daily look, and an A/A
    test; prints a table and writes OUT/report.json, report.html and the log of each arm
    as an event log. Finished days are kept, so a test that was killed resumes. The runs
    need a world with live days: --config.data.world.live_days=14.

    Examples:
      ytdnn live --arms=logging,popularity,mine=runs/mine --out=runs/live
      ytdnn live --arms=a=runs/a,b=runs/b --days=14 --refresh_days=7 --out=runs/a_b
      ytdnn live --arms=never=runs/a,daily=runs/a --refresh_days=daily=1 --out=DIR
      ytdnn live --arms=frozen=runs/a,live=runs/a --counters=live --out=DIR
      ytdnn live --arms=logging,bound --preset=tiny --out=runs/tiny_live

    Raises:
      errors.UserError: A flag has a wrong value, or the live test fails.
    """
    report = live_tests.live_test(
        [arm for arm in given.values["arms"].split(",") if arm.strip()],
        given.values["out"],
        days=_number(given, "days"),
        world=_world(given),
        seed=_number(given, "seed", "0") or 0,
        refresh_days=_refresh_days(given),
        counters=[n for n in given.values.get("counters", "").split(",") if n],
        verbose=output.say,
    )
    output.result(lambda: report)
    from ytdnn.lab.pages import live_page

    screen = output.screen()
    screen.print(live_page.render(report, screen.width))
    directory = pathlib.Path(given.values["out"])
    output.say(f"report: {directory / live_tests.PAGE} (open it in a browser)")
    output.say(f"log of each arm: {directory / live_tests.LOGS}")


def _world(given: command.Arguments) -> configs.WorldConfig | None:
    """Returns the world given by flags; None without such flags."""
    if "preset" in given.values:
        return world.preset(given)
    for key in given.overrides:
        raise errors.UserError(
            f"expected --preset with --config.{key}: without it the world is that "
            f"of the runs"
        )
    return None


def _refresh_days(given: command.Arguments) -> int | dict[str, int]:
    """Returns after how many days runs are refreshed: all, or each by its name."""
    text = given.values.get("refresh_days", "0")
    if "=" not in text:
        return _number(given, "refresh_days", "0") or 0
    days_by_arm: dict[str, int] = {}
    for word in text.split(","):
        name, _, days = (part.strip() for part in word.partition("="))
        if not name or name in days_by_arm:
            raise errors.UserError(
                f"expected --refresh_days=NAME=N,… with each name once, received "
                f"{text!r}"
            )
        days_by_arm[name] = command.whole("refresh_days", days)
    return days_by_arm


def _number(given: command.Arguments, name: str, least: str = "") -> int | None:
    """Returns a flag's number; None if it is left out."""
    text = given.values.get(name, least)
    return None if text == least else command.whole(name, text)
