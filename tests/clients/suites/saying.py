"""What tests say, and checks that say what differs."""

from contextlib import contextmanager

from world.oracle import Said

# Short replies, greedy and not.
TABLE = Said("I would like a table for two tonight", seed=5, temperature=0.8)
HOTEL = Said("Find me a hotel in Paris", seed=0, temperature=0.0)
CITY = Said("The weather in the city", seed=3, temperature=1.5, max_tokens=40, raw=True)
# At this temperature and with this seed the target goes on for 377 tokens.
LONG = Said("Tell me a long story about a train", seed=27, temperature=2.0, max_tokens=120)


def equal(found, wanted, what="it"):
    """Fails unless both are equal."""
    assert found == wanted, f"{what} is {found!r}, and not {wanted!r}"


@contextmanager
def refused(kind, status, **error):
    """Fails unless the block is refused as `kind`, with `status` and what else `error` says of it."""
    try:
        yield
    except kind as refusal:
        equal(refusal.status_code, status, "the status")
        says = error.pop("says", None)
        for name, wanted in error.items():
            equal(getattr(refusal, name), wanted, f"the error's {name} ({refusal.message})")
        assert not says or says in str(refusal), f"{says!r} is not in {refusal}"
        return
    raise AssertionError(f"it is not refused as {kind.__name__}")
