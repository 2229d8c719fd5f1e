"""The space that `ytdnn sweep` searches: settings, and the values of each."""

from collections.abc import Mapping, Sequence

import pydantic

from ytdnn.base.configs import components

Value = bool | int | float | str | tuple[int | float | str, ...]
Space = Mapping[str, "Options | Range"]


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
    space: dict[str, Options | Range] = {}
    for key, values in given.items():
        if isinstance(values, Options | Range):
            space[key] = values
        elif isinstance(values, Sequence) and not isinstance(values, str):
            space[key] = Options(values=tuple(values))
        else:
            raise ValueError(
                f"expected a list of values, a configs.Options or a configs.Range for "
                f"{key}, received {values!r}"
            )
    return space
