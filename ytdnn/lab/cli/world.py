"""`ytdnn world`: writes the synthetic world to disk and draws a page of it."""

import pathlib
import time

from ytdnn.base import artifacts, configs, errors
from ytdnn.run.cli import command, given_settings, output
from ytdnn.run.pipeline import log_size

PAGE = "world.html"
FLAGS = (
    command.Flag(
        "out",
        "Directory for the tables and world.html, made if missing.",
        example="DIR",
        required=True,
    ),
    command.Flag(
        "preset",
        "Preset to start from, which settings change further. Default: small.",
        example="|".join(configs.WORLDS),
    ),
    command.Flag(
        "beside",
        "MovieLens directory or zip to plot next to the world.",
        example="ml-1m.zip",
    ),
)


@command.register("world", FLAGS, ("data.world",))
def run(given: command.Arguments) -> None:
    """Write the synthetic world as an event log, with plots.

    Writes all five tables of a world as Parquet, one part per ten thousand users, in
    bounded memory, and plots in world.html: popularity, freshness, click rates, watch
    time. The same settings give the same bytes.

    Examples:
      ytdnn world --preset=small --out=runs/world/log
      ytdnn world --preset=large --out=runs/large/log --beside=ml-1m.zip
    """
    directory = pathlib.Path(given.values["out"])
    world = preset(given, "small")
    log_size.require_memory_of_world(world)
    output.say(
        f"[1/2] tables: started ({world.num_users:,} users, {world.num_videos:,} "
        f"videos, {world.num_days} days, seed {world.seed})"
    )
    from ytdnn.lab.sources import world as world_source
    from ytdnn.lab.world import generate

    started = time.perf_counter()
    rows = world_source.write(generate.World(world), directory)
    seconds = time.perf_counter() - started
    output.result(lambda: {"path": directory, "rows": rows})
    counts = ", ".join(f"{count:,} {name}" for name, count in rows.items())
    rate = rows["watches"] / seconds
    output.say(
        f"[1/2] tables: done in {seconds:.1f} s ({rate:,.0f} watches/s): {counts}"
    )
    started = time.perf_counter()
    _draw(world, directory, given.values.get("beside", ""))
    seconds = time.perf_counter() - started
    output.say(f"[2/2] page: done in {seconds:.1f} s: {directory / PAGE}")
    output.say(
        f"next: ytdnn run --source=world --data_dir={directory} --workdir=runs/world"
    )


def preset(given: command.Arguments, default: str = "") -> configs.WorldConfig:
    """Returns the world of `--preset`, with the settings of the command line.

    Args:
      given: Parsed command line.
      default: Name of the preset without the flag.

    Raises:
      errors.UserError: There is no such preset.
    """
    name = given.values.get("preset", default)
    if name not in configs.WORLDS:
        raise errors.UserError(
            f"expected --preset to be one of {', '.join(configs.WORLDS)}, received "
            f"{name!r}{given_settings.closest(name, list(configs.WORLDS))}"
        )
    config = configs.Config(data=configs.DataConfig(world=configs.WORLDS[name]))
    return given_settings.apply(config, given.overrides).data.world


def _draw(world: configs.WorldConfig, directory: pathlib.Path, beside: str) -> None:
    """Draws the page of a written world, and of MovieLens if a path is given."""
    from ytdnn.lab.pages import log_page
    from ytdnn.lab.sources import world as world_source
    from ytdnn.log import sources

    logs = {"the world": world_source.first_crowd(directory)}
    if beside:
        data = configs.DataConfig(source="movielens", dir=beside)
        logs["MovieLens"] = sources.read(data).tables
    summary = (
        f"The synthetic world of seed {world.seed}: {world.num_users:,} users, "
        f"{world.num_videos:,} videos, {world.num_days} days. Drawn of its first "
        f"users, who are a fair sample of all."
    )
    artifacts.write_text(directory / PAGE, log_page.draw(logs, summary))
