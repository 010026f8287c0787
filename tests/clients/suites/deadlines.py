"""A deadline is when the reply has to be whole: from when it is asked for, with all that is in it."""

import threading
import time

from . import test, test_each
from .clients import BOTH, Sync, chat, content
from .saying import LONG, equal

# A pass of the cloud; the whole reply takes some seconds.
PACE = {"decode_ms": 60, "per_row_ms": 0}
DEADLINE_MS = 500
# A deadline that is missed by more than this was not meant.
LATE_S_MAX = 0.5
IN_BODY = {"extra_body": {"causeway": {"deadline_ms": DEADLINE_MS}}}
IN_HEADERS = {"extra_headers": {"X-Causeway-Deadline-Ms": str(DEADLINE_MS)}}


class _Slow:
    """A device before a slow cloud, with one turn."""

    def __init__(self, world):
        self._cloud = world.start_cloud(engine__pace=PACE)
        self.device = world.device(self._cloud, plan__draft_length=1, serve__streams_max=1)

    def __enter__(self):
        self.device.is_up()
        return self.device

    def __exit__(self, *_):
        self.device.process.end()
        self._cloud.kill()


def _in_time(ask):
    began = time.monotonic()
    reply = ask()
    took_s = time.monotonic() - began
    wanted = f"was to be whole after {DEADLINE_MS} ms"
    assert took_s < DEADLINE_MS / 1e3 + LATE_S_MAX, f"it takes {took_s:.2f} s, and {wanted}"
    return reply


@test_each(**BOTH)
def a_reply_ends_at_its_deadline(world, Client):
    with _Slow(world) as device:
        for how in (IN_BODY, IN_HEADERS):
            reply = _in_time(lambda: chat(Client(device), LONG, **how))
            equal(reply.choices[0].finish_reason, "length", "the reason")
            assert 0 < reply.usage.completion_tokens < LONG.max_tokens, reply.usage
            assert world.oracle.text(LONG).startswith(content(reply)), content(reply)


@test
def so_does_one_of_several_choices(world):
    with _Slow(world) as device:
        _in_time(lambda: chat(Sync(device), LONG, n=4, **IN_BODY))


@test
def so_does_one_that_waits_for_its_turn(world):
    with _Slow(world) as device:
        other = threading.Thread(target=lambda: chat(Sync(device), LONG._replace(max_tokens=30)))
        other.start()
        device.wait(lambda: device.requests()["running"], "its turn is taken")
        try:
            _in_time(lambda: chat(Sync(device), LONG, **IN_BODY))
        finally:
            other.join()
