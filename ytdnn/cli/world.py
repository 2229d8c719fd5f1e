"""`ytdnn world`: writes the synthetic world to disk and draws a page of it."""

import pathlib
import time

from ytdnn import configs, errors
from ytdnn.cli import arguments, lazy, output

PAGE = "world.html"
FLAGS = (
    arguments.Flag(
        "out",
        "Directory for the tables and the page, made if missing.",
        example="DIR",
        required=True,
    ),
    arguments.Flag(
        "preset",
        "Size to start from; settings change it further. Default: small.",
        example="|".join(configs.WORLDS),
    ),
    arguments.Flag(
        "beside",
        "MovieLens directory or zip to draw beside the world.",
        example="ml-1m.zip",
    ),
)


def run(given: arguments.Arguments) -> None:
    """Writes the world and draws its page."""
    directory = pathlib.Path(given.values["out"])
    preset = given.values.get("preset", "small")
    if preset not in configs.WORLDS:
        raise errors.UserError(
            f"expected --preset to be one of {', '.join(configs.WORLDS)}, received "
            f"{preset!r}{arguments.closest(preset, list(configs.WORLDS))}"
        )
    config = configs.Config(data=configs.Data(world=configs.WORLDS[preset]))
    world = arguments.apply(config, given.overrides).data.world
    output.say(
        f"[1/2] tables: started ({world.num_users:,} users, {world.num_videos:,} "
        f"videos, {world.num_days} days, seed {world.seed})"
    )
    started = time.perf_counter()
    rows = lazy.write_world(world, directory)
    seconds = time.perf_counter() - started
    counts = ", ".join(f"{count:,} {name}" for name, count in rows.items())
    rate = rows["watches"] / seconds
    output.say(
        f"[1/2] tables: done in {seconds:.1f} s ({rate:,.0f} watches/s): {counts}"
    )
    started = time.perf_counter()
    lazy.draw_world(world, directory, PAGE, given.values.get("beside", ""))
    seconds = time.perf_counter() - started
    output.say(f"[2/2] page: done in {seconds:.1f} s: {directory / PAGE}")
    output.say(
        f"next: ytdnn run --source=world --data_dir={directory} --workdir=runs/world"
    )
