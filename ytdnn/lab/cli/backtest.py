"""`ytdnn backtest`: replays a log, to say how often models must be updated."""

import dataclasses
import pathlib

from ytdnn.base import artifacts, configs, formats
from ytdnn.evaluation import tables
from ytdnn.lab.backtest import arms
from ytdnn.run.cli import command, flags, output, resolved_config
from ytdnn.run.pipeline import runner

PAGE, RESULT = "backtest.html", "backtest.json"
_ARMS = "never,counters,refresh=1d,refit=7d,counted"
FLAGS = (
    command.Flag(
        "workdir",
        "Directory of the backtest, made if missing. The same command again resumes "
        "it; other --arms and more --steps are added.",
        example="DIR",
        required=True,
    ),
    dataclasses.replace(
        flags.CONFIG, text="Python file with a get_config(); default: the defaults."
    ),
    command.Flag("every", "Time of a step: 15m, 1h, 1d; default: 1d.", example="TIME"),
    command.Flag("steps", "Number of steps; default: to the log's end.", example="N"),
    command.Flag(
        "arms",
        "What is updated: never; counters (what is watched up to each request); "
        "refresh=TIME or refit=TIME (the model); counted (the best counted list, no "
        f"model). The first is compared with all others. Default: {_ARMS}.",
        example="ARM,…",
    ),
    *(flag for flag in flags.DATA_FLAGS if flag.name != "protocol"),
)


@command.register(
    "backtest", FLAGS, ("data", "candidates", "composition", "evaluation", "refresh")
)
def run(given: command.Arguments) -> None:
    """Live a log again step by step, to see how often to update.

    Trains on the log up to the test window, whose begin --config.data.test_from=DATE
    sets. Then each watch of a step is a request, answered by the candidates as each arm
    has them, before the arm is updated as it says. Prints hit rate, nDCG, the processor
    time of the updates and an advice, and writes DIR/backtest.html and
    DIR/backtest.json. Finished steps are kept, so a backtest that was killed resumes.

    Examples:
      ytdnn backtest --source=log --data_dir=logs/mine --workdir=runs/backtest
      ytdnn backtest --every=1h --arms=never,counters,refresh=6h --workdir=runs/hourly

    Raises:
      errors.UserError: A flag has a wrong value, or the log cannot be trained on.
    """
    directory = pathlib.Path(given.values["workdir"])
    every = arms.duration(given.values.get("every", "1d"), "--every")
    of_arms = arms.parse_all(given.values.get("arms", _ARMS), every)
    steps = given.values.get("steps")
    number = command.whole("steps", steps) if steps else None
    config = resolved_config.config(given, configs.Config())
    runner.make_role(config).require_alone("backtest")
    from ytdnn.lab.backtest import backtesting, results
    from ytdnn.lab.pages import backtest_page

    backtest = backtesting.Backtest(directory, config, of_arms, every, number)
    result = results.from_played(backtesting.run(backtest, output.say))
    artifacts.write_json(directory / RESULT, formats.plain(result))
    artifacts.write_text(directory / PAGE, backtest_page.draw(result))
    output.result(lambda: result)
    screen = output.screen()
    screen.print(tables.draw(backtest_page.arms_table(result), screen.width))
    for note in backtest_page.notes(result):
        output.say(note)
    output.say(f"page: {directory / PAGE}, numbers: {directory / RESULT}")
    output.say(f"advice: {result.advice}")
