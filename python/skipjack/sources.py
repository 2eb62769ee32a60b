"""Earlier measurements that a tuning may begin from (docs/transfer.md)."""

from __future__ import annotations

from dataclasses import dataclass, field

from .errors import InvalidArgument, listed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any


@dataclass
class SourceExperiment:
    """What was measured elsewhere, of a metric in another environment. Values are compared among themselves alone.

    name: for messages. observations: pairs (configuration, value), values finite. mode: which way was better.
    """

    name: str
    observations: list[tuple[dict[str, Any], float]] = field(default_factory=list)
    mode: str = "min"

    @classmethod
    def from_dict(cls, source: dict[str, Any]) -> SourceExperiment:
        """Of what to_dict() gives. None is a parameter that a configuration does not have."""
        observations = [
            ({name: part for name, part in zip(source["parameters"], row) if part is not None}, value)
            for row, value in zip(source["configurations"], source["values"])
        ]
        return cls(source["name"], observations, source["mode"])

    def to_dict(self) -> dict[str, Any]:
        """As definitions hold it."""
        parameters = list(dict.fromkeys(name for configuration, _ in self.observations for name in configuration))
        return {
            "name": self.name,
            "mode": self.mode,
            "parameters": parameters,
            "configurations": [
                [configuration.get(name) for name in parameters] for configuration, _ in self.observations
            ],
            "values": [value for _, value in self.observations],
        }


def split(sources: Iterable[str | SourceExperiment]) -> tuple[list[str], list[dict[str, Any]]]:
    """Names of experiments, and the others as dicts."""
    names: list[str] = []
    given: list[dict[str, Any]] = []
    for source in listed("sources", sources, (str, SourceExperiment)):
        if isinstance(source, str):
            names.append(source)
        elif isinstance(source, SourceExperiment):
            given.append(source.to_dict())
        else:
            raise InvalidArgument(
                f"a source must be an experiment's name or a SourceExperiment, not {type(source).__name__}"
            )
    return names, given
