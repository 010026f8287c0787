"""What came of a crowd's requests."""

from dataclasses import dataclass, field

EXAMPLES_MAX = 5


@dataclass
class Counts:
    """Sums over requests; those of two crowds can be added."""

    replies: int = 0
    tokens: int = 0
    disconnects: int = 0
    # Replies with words that the device said without the target, though nobody cut a link.
    alone: int = 0
    wrong: int = 0
    errors: int = 0
    refusals_ms: list = field(default_factory=list)
    # By how much these clients, who share a thread, were late themselves: so much of a latency is theirs.
    lags_ms: list = field(default_factory=list)
    examples: list = field(default_factory=list)

    def note(self, kind, example):
        """Counts something that should not be, and keeps some of it to be shown."""
        setattr(self, kind, getattr(self, kind) + 1)
        if len(self.examples) < EXAMPLES_MAX:
            self.examples.append(f"{kind}: {example}")

    def __add__(self, other):
        return Counts(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))


def percentile(values, share):
    """The smallest value that `share` of all do not exceed; nothing of nothing."""
    if not values:
        return float("nan")
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]
