"""Clients that ask again and again: patient ones, some of whom leave in the middle, and others who come in vain."""

import asyncio
import json
import random
import time
from typing import NamedTuple

from . import sse
from .counts import Counts

PATH = "/v1/chat/completions"
# Nobody waits longer for a reply; who does has found an error.
REPLY_S_MAX = 120
# A refused client asks again after so long, at random: it is refused more often than it is meant to be polite.
AGAIN_S = (0.05, 0.25)
# So often it is looked how late the clients are.
LOOK_S = 0.01


class Pair(NamedTuple):
    """What is asked, and the only right answer."""

    request: dict
    text: str
    tokens: int


class Crowd(NamedTuple):
    """So many clients of one device, for so long."""

    address: str
    clients: int
    seconds: float
    pairs: list
    # The share of requests that their client leaves in the middle.
    leaving: float
    seed: int
    # Each asks at least once.
    once: bool = False


def run(crowd):
    """All of it, in a loop of its own; for a process of its own."""
    return asyncio.run(_run(crowd))


async def _run(crowd):
    counts, until = Counts(), time.monotonic() + crowd.seconds
    clients = (_client(crowd, random.Random(f"{crowd.seed} {i}"), counts, until) for i in range(crowd.clients))
    lagging = asyncio.create_task(_lag(counts))
    await asyncio.gather(*clients)
    lagging.cancel()
    return counts


async def _lag(counts):
    """Until it is cancelled."""
    while True:
        began = time.perf_counter()
        await asyncio.sleep(LOOK_S)
        counts.lags_ms.append((time.perf_counter() - began - LOOK_S) * 1e3)


async def _client(crowd, chance, counts, until):
    # Not all at once, unless that is what is wanted.
    await asyncio.sleep(chance.random() * min(2, crowd.seconds / 4))
    first = crowd.once
    while first or time.monotonic() < until:
        first = False
        pair = chance.choice(crowd.pairs)
        leaves_at = chance.randrange(pair.tokens) if chance.random() < crowd.leaving else None
        try:
            async with asyncio.timeout(REPLY_S_MAX):
                refused = await _ask(crowd.address, pair, leaves_at, counts)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, sse.Broken, ValueError, KeyError) as error:
            counts.note("errors", f"{type(error).__name__}: {error}")
            refused = True
        if refused:
            await asyncio.sleep(chance.uniform(*AGAIN_S))


async def _ask(address, pair, leaves_at, counts):
    """One request; whether it was refused."""
    began = time.perf_counter()
    async with sse.post(address, PATH, pair.request) as answer:
        if answer.status == 503:
            code = json.loads(await answer.whole())["error"]["code"]
            if code != "queue_full" or int(answer.headers["retry-after"]) < 1:
                counts.note("errors", f"503 {code} {answer.headers}")
            counts.refusals_ms.append((time.perf_counter() - began) * 1e3)
            return True
        if answer.status != 200:
            counts.note("errors", f"{answer.status} {(await answer.whole())[:200]!r}")
            return True
        await _listen(answer, pair, leaves_at, counts)
    return False


async def _listen(answer, pair, leaves_at, counts):
    """Takes a stream to its end, or leaves after so many tokens."""
    text, marks = "", []
    async for data in answer.events():
        if data == b"[DONE]":
            _ended(text, marks, pair, counts)
            return
        chunk = json.loads(data)
        if "error" in chunk:
            counts.note("errors", chunk["error"])
            return
        for choice in chunk["choices"]:
            text += choice["delta"].get("content") or ""
        causeway = chunk.get("causeway") or {}
        marks += causeway.get("verified", [])
        counts.tokens += len(causeway.get("verified", []))
        event = causeway.get("event") or {}
        if event.get("kind") == "revised":
            text = event["text"]
            del marks[event["tokens"]:]
        if event.get("kind") == "vouched":
            marks[event["token"]] = True
        if leaves_at is not None and len(marks) > leaves_at:
            counts.disconnects += 1
            return
    counts.note("errors", f"a stream ends without [DONE] after {len(marks)} tokens")


def _ended(text, marks, pair, counts):
    counts.replies += 1
    if not all(marks):
        # The target was missed, and did not come back in time: no text of the oracle's.
        counts.alone += 1
    elif text != pair.text:
        counts.note("wrong", f"{text!r} in place of {pair.text!r}")
