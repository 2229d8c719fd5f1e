"""The space that `ytdnn sweep` searches: settings, and the values of each."""

from collections.abc import Mapping, Sequence

import pydantic

from ytdnn.base.configs import by_size, components

Value = bool | int | float | str | tuple[int | float | str, ...]
Space = Mapping[str, "Options | Range"]
_FEW_VIDEOS = 20_000  # full softmax scores every video for every watch


@components.validated
class Options:
    """One of several values.

    Attributes:
      values: The values, as a config has them; a kind of component by its name.
      when: Values of earlier settings of the space for which this one is searched; of
        several values of one setting, any.
    """

    values: tuple[Value, ...]
    when: tuple[tuple[str, Value], ...] = ()

    @pydantic.model_validator(mode="after")
    def _has_values(self) -> "Options":
        if not self.values:
            raise ValueError("expected one value or more in a choice, received none")
        return self


@components.validated
class Range:
    """A number in a closed interval.

    Attributes:
      low: Smallest value.
      high: Largest value.
      log: Whether it is drawn uniformly on a logarithmic scale.
      whole: Whether it is an integer.
      when: See `Options`.
    """

    low: float
    high: float
    log: bool = False
    whole: bool = False
    when: tuple[tuple[str, Value], ...] = ()

    @pydantic.model_validator(mode="after")
    def _is_a_range(self) -> "Range":
        if not self.low < self.high:
            raise ValueError(
                f"expected low below high, received {self.low:g} and {self.high:g}"
            )
        if self.log and self.low <= 0.0:
            raise ValueError(
                f"expected a positive low on a logarithmic scale, received {self.low:g}"
            )
        return self


def read(given: Mapping[str, object]) -> dict[str, Options | Range]:
    """Returns a space; options may be given as plain lists.

    Args:
      given: A `Options`, a `Range` or a list of values for each setting, by its key in
        the config, such as `candidates.training.learning_rate`.

    Raises:
      ValueError: A value is of another type.
    """
    found: dict[str, Options | Range] = {}
    for key, values in given.items():
        if isinstance(values, Options | Range):
            found[key] = values
        elif isinstance(values, Sequence) and not isinstance(values, str):
            found[key] = Options(values=tuple(values))
        else:
            raise ValueError(
                f"expected a list of values, a configs.Options or a configs.Range for "
                f"{key}, received {values!r}"
            )
    return found


def candidates(size: by_size.LogSize) -> dict[str, Options | Range]:
    """Returns the space of the candidates for a log of some size."""
    few = size.videos <= _FEW_VIDEOS
    losses = ("full_softmax", "sampled_softmax") if few else ("sampled_softmax",)
    return {
        "candidates.decay_rates": Options(((), (0.5, 0.8, 0.93), (0.7, 0.9, 0.97))),
        "candidates.history_length": Options((20, 50, 100)),
        "candidates.content.enabled": Options((False, True)),
        "candidates.similarity": Options(("dot", "cosine", "user_cosine")),
        "candidates.temperature": Range(
            0.03,
            0.3,
            log=True,
            when=(
                ("candidates.similarity", "cosine"),
                ("candidates.similarity", "user_cosine"),
            ),
        ),
        "candidates.embedding_dim": Options((32, 64, 128, 256)),
        "candidates.initial_vectors": Options(("random", "co_watched")),
        "candidates.skip_connection": Options(("none", "linear", "gated")),
        "candidates.loss": Options(losses),
        "candidates.loss.num_negatives": Options(
            (256, 1024, 4096), when=(("candidates.loss", "sampled_softmax"),)
        ),
        "candidates.loss.label_smoothing": Range(
            0.0, 0.3, when=(("candidates.loss", "full_softmax"),)
        ),
        "candidates.dropout": Range(0.0, 0.5),
        "candidates.history_dropout": Range(0.0, 0.5),
        "candidates.training.batch_size": Options((256, 512, 1024, 2048)),
        "candidates.training.learning_rate": Range(1e-4, 1e-2, log=True),
        "candidates.training.table_learning_rate": Range(3e-4, 0.3, log=True),
    }


def ranking(size: by_size.LogSize) -> dict[str, Options | Range]:
    """Returns the space of the ranker for a log of some size."""
    del size
    return {
        "ranking.tower": Options(("64", "256,128", "512,256", "1024,512,256")),
        "ranking.embedding_dim": Options((8, 16, 32)),
        "ranking.dropout": Range(0.0, 0.5),
        "ranking.training.batch_size": Options((128, 256, 512, 1024)),
        "ranking.training.learning_rate": Range(1e-4, 1e-2, log=True),
        "ranking.training.table_learning_rate": Range(1e-5, 1e-2, log=True),
    }


DEFAULT = {"candidates": candidates, "ranking": ranking}
