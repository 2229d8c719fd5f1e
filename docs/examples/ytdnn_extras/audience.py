"""WORKDIR/audience/users.csv: the users of a run."""

from ytdnn import registries
from ytdnn.base import artifacts
from ytdnn.run.pipeline import graph, steps


def run(config, workdir):
    """Makes the output of the step."""
    from ytdnn.log import prepared

    users = prepared.load(workdir / "data").users.select("user_id")
    inputs = steps.fingerprints(workdir, ["data"])
    with artifacts.publish(workdir / "audience", "audience", {}, inputs) as partial:
        users.write_csv(partial / "users.csv")


@registries.STEPS.register("audience")
def added(config):
    """Returns the step, which depends on no settings."""
    return (graph.Step("audience", "run", ("data",), run, lambda config: {}),)
