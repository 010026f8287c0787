"""Who leaves costs nothing: the turn is free at once, and so is the session at the cloud."""

import asyncio
import time

from openai import AsyncOpenAI, APITimeoutError

from . import test, test_each
from .clients import BOTH, CHAT, MODEL, NO_KEY, Sync, chat, content
from .saying import LONG, TABLE, equal

# One pass of the cloud takes this long; a reply would take seconds.
PACE_MS = 60
SOON_S = 1.0


class _Narrow:
    """A device and a cloud that have room for one reply at a time."""

    def __init__(self, world):
        pace = {"decode_ms": PACE_MS, "per_row_ms": 0}
        self._cloud = world.start_cloud(engine__pace=pace, limits__sessions_max=1, limits__sessions_per_peer_max=1)
        self.device = world.device(self._cloud, serve__streams_max=1, serve__queue_max=4)

    def __enter__(self):
        self.device.is_up()
        return self.device

    def __exit__(self, *_):
        self.device.process.end()
        self._cloud.kill()


def _is_free_soon(world, device, left_at, cancelled):
    device.wait(lambda: device.requests()["running"] == 0, "nothing runs", SOON_S)
    assert time.monotonic() - left_at < SOON_S
    equal(device.requests()["cancelled"], cancelled, "the cancelled requests")
    said = TABLE._replace(max_tokens=4)
    reply = chat(Sync(device), said)
    equal(content(reply), world.oracle.text(said), "the next text")
    equal(set(reply.model_extra["causeway"]["verified"]), {True}, "its marks: the cloud had room for it")


@test
def a_stream_that_is_closed_early_is_over(world):
    with _Narrow(world) as device:
        for count in (1, 2, 3):
            stream = Sync(device).client.chat.completions.create(
                model=MODEL, messages=LONG.messages(), stream=True, **LONG.options())
            for _, _ in zip(range(4), stream):
                pass
            equal(device.requests()["running"], 1, "the requests that run")
            stream.close()
            _is_free_soon(world, device, time.monotonic(), count)


@test
def a_stream_that_is_left_in_a_loop_is_over(world):
    async def leave(device):
        async with AsyncOpenAI(base_url=device.api, api_key=NO_KEY, max_retries=0) as client:
            async with await client.chat.completions.create(
                    model=MODEL, messages=LONG.messages(), stream=True, **LONG.options()) as stream:
                async for chunk in stream:
                    if chunk.choices[0].delta.content:
                        break

    with _Narrow(world) as device:
        asyncio.run(leave(device))
        _is_free_soon(world, device, time.monotonic(), 1)


@test
def a_reply_that_is_not_waited_for_is_over(world):
    async def leave(device):
        async with AsyncOpenAI(base_url=device.api, api_key=NO_KEY, max_retries=0) as client:
            options = dict(model=MODEL, messages=LONG.messages(), **LONG.options())
            pending = asyncio.create_task(client.chat.completions.create(**options))
            await asyncio.to_thread(device.wait, lambda: device.requests()["running"], "it runs")
            pending.cancel()
            await asyncio.gather(pending, return_exceptions=True)

    with _Narrow(world) as device:
        asyncio.run(leave(device))
        _is_free_soon(world, device, time.monotonic(), 1)


@test
def who_waits_in_the_queue_and_leaves_is_not_waited_for(world):
    async def leave(device):
        async with AsyncOpenAI(base_url=device.api, api_key=NO_KEY, max_retries=0) as client:
            options = dict(model=MODEL, messages=LONG.messages(), **LONG.options())
            pending = [asyncio.create_task(client.chat.completions.create(**options)) for _ in range(3)]
            await asyncio.to_thread(device.wait, lambda: device.requests()["queued"] == 2, "two wait")
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)

    with _Narrow(world) as device:
        asyncio.run(leave(device))
        device.idle(SOON_S)
        _is_free_soon(world, device, time.monotonic(), 1)


@test_each(**BOTH)
def a_client_that_runs_out_of_time_leaves(world, Client):
    with _Narrow(world) as device:
        client = Client(device)
        try:
            client.call(CHAT, model=MODEL, messages=LONG.messages(), timeout=0.6, **LONG.options())
        except APITimeoutError:
            _is_free_soon(world, device, time.monotonic(), 1)
            return
        raise AssertionError("it does not run out of time")
