"""The device a request comes from (PAPER §3.3)."""

from typing import Any

from ytdnn.base import schema
from ytdnn.features import base_feature, columns, encodings
from ytdnn.log import catalogues, fields, positions, prepared


class Device(encodings.Categorical, base_feature.ReadAtRequest):
    """The device of the watch or impression to predict, categorical."""

    name = schema.DEVICE
    scope = base_feature.Scope.REQUEST
    dim = 4

    def __init__(self, network: str, table: str) -> None:
        """Declares the feature for a network with rows of a table as examples."""
        self.columns = (f"{table}.{schema.DEVICE}",)
        self.networks = self.default_in = frozenset({network})

    def fields(self, catalogue: catalogues.Catalogue) -> fields.Fields:
        """Returns the device's name."""
        del catalogue
        return (fields.text(schema.DEVICE),)

    def request_values(
        self, data: prepared.PreparedData, place: base_feature.Place
    ) -> dict[str, Any]:
        """Returns the device of the watch that the request led to."""
        devices = data.watches.devices
        if not place.is_watch or devices is None:
            return {}
        device = int(devices[place.end])
        known = self._values(data.catalogue)
        return {schema.DEVICE: known[device - 1]} if device else {}

    def num_values(self, data: prepared.PreparedData) -> int:
        """Returns the number of devices."""
        return len(self._values(data.catalogue))

    def known_values(self, data: prepared.PreparedData) -> list[str]:
        """Returns the names of the devices."""
        return self._values(data.catalogue)

    def open_log(self, log: positions.LogTensors) -> positions.Reader:
        """Reads the request's own event."""
        return lambda at: log.of_event("devices", at, 0)

    def open_request(self, data: prepared.PreparedData) -> base_feature.RequestReader:
        """Looks the name up."""
        return columns.TextOfRequest(schema.DEVICE, self._values(data.catalogue))

    def _values(self, catalogue: catalogues.Catalogue) -> list[str]:
        return catalogue.vocabularies.get(schema.DEVICE, [])


FEATURES = (
    Device(base_feature.CANDIDATES, schema.WATCHES),
    Device(base_feature.RANKING, schema.IMPRESSIONS),
)
