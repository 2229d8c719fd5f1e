"""Which features the user tower has (PAPER §3.3): those the log has columns for.

Each can be switched off; `inputs` names them for the manifest.
"""

import dataclasses

from ytdnn import configs, schema
from ytdnn.data import prepared


@dataclasses.dataclass(frozen=True)
class Inputs:
    """What the user tower reads beside the watch history.

    Attributes:
      num_videos: Size of the video vocabulary.
      num_genders: Known genders, 0 without the feature.
      num_countries: Known countries, 0 without the feature.
      has_age: Whether it reads ages.
      num_tokens: Known search tokens, 0 without the feature.
      num_devices: Known devices, 0 without the feature.
      has_logged_in: Whether it reads the logged-in state.
      has_example_age: Whether it reads example ages.
      has_request_time: Whether it reads the time of the request.
    """

    num_videos: int
    num_genders: int = 0
    num_countries: int = 0
    has_age: bool = False
    num_tokens: int = 0
    num_devices: int = 0
    has_logged_in: bool = False
    has_example_age: bool = False
    has_request_time: bool = False

    @classmethod
    def of(cls, data: prepared.PreparedData, config: configs.Features) -> "Inputs":
        """Returns the features that a prepared set has and the config leaves on."""

        def size(column: str, is_on: bool) -> int:
            return len(data.vocabularies.get(column, ())) if is_on else 0

        has_logged_in = "watch_logged_in" in data.arrays
        return cls(
            num_videos=data.num_videos,
            num_genders=size(schema.GENDER, config.gender),
            num_countries=size(schema.COUNTRY, config.country),
            has_age=config.age and schema.AGE in data.users.columns,
            num_tokens=data.tokens.height if config.searches else 0,
            num_devices=size(schema.DEVICE, config.device),
            has_logged_in=config.logged_in and has_logged_in,
            has_example_age=config.example_age,
            has_request_time=config.request_time,
        )

    @property
    def names(self) -> list[str]:
        """The names of the features there are, the watch history first."""
        present = {
            schema.WATCHES: True,
            schema.SEARCHES: self.num_tokens,
            schema.COUNTRY: self.num_countries,
            schema.GENDER: self.num_genders,
            schema.AGE: self.has_age,
            schema.DEVICE: self.num_devices,
            schema.LOGGED_IN: self.has_logged_in,
            schema.EXAMPLE_AGE: self.has_example_age,
            schema.REQUEST_TIMES: self.has_request_time,
        }
        return [name for name, is_there in present.items() if is_there]

    def facts(self) -> dict[str, object]:
        """Returns what a manifest says of the features."""
        return {"features": self.names, "sees_request_time": self.has_request_time}
