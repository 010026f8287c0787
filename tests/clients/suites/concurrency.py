"""Many at once: every text is still the oracle's."""

import asyncio

from openai import AsyncOpenAI

from world.oracle import Said

from . import test
from .clients import MODEL, NO_KEY
from .plain_device import plain
from .saying import CITY, LONG, equal
from .streams import assembled

PROMPTS = ("I would like a table for two tonight", "Find me a hotel in Paris", "Is there any train to Oakland",
           "Play some music", "What is the weather like", "Tell me a long story about a train")
AT_ONCE = 16


def mix():
    """Prompts, seeds and temperatures; some long, some continued as they stand."""
    chats = [Said(PROMPTS[i % len(PROMPTS)], seed=i, temperature=(0.0, 0.8, 1.5)[i % 3]) for i in range(12)]
    return [*chats, LONG._replace(seed=28), LONG, CITY, CITY._replace(seed=4)]


async def _text(client, said, stream):
    if said.raw:
        call, asked = client.completions, {"prompt": said.prompt}
    else:
        call, asked = client.chat.completions, {"messages": said.messages()}
    reply = await call.create(model=MODEL, stream=stream, **asked, **said.options())
    if stream:
        return assembled([chunk async for chunk in reply]).text
    choice = reply.choices[0]
    return choice.text if said.raw else choice.message.content


async def _all(device, asked):
    async with AsyncOpenAI(base_url=device.api, api_key=NO_KEY, max_retries=0, timeout=120) as client:
        return await asyncio.gather(*(_text(client, said, i % 2 == 0) for i, said in enumerate(asked)))


def _is_right(world, device, rounds):
    asked = mix()
    equal(len(asked), AT_ONCE, "the mix")
    wanted = [world.oracle.text(said) for said in asked]
    for turn in range(rounds):
        # Streams are whole replies in the next round, and the other way round.
        order = asked[turn:] + asked[:turn]
        found = dict(zip(order, asyncio.run(_all(device, order))))
        for said, text in zip(asked, wanted):
            equal(found[said], text, f"in round {turn} the text of {said}")
    device.idle()


@test
def sixteen_at_once_are_answered_as_each_would_be_alone(world):
    _is_right(world, plain(world), rounds=3)


@test
def so_are_sixteen_that_wait_for_four_turns(world):
    with world.device(serve__streams_max=4, serve__queue_max=16) as device:
        device.is_up()
        _is_right(world, device, rounds=2)
