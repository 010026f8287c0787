"""The `openai` package for Python, both of its clients behind one face, so that every test is for both."""

import asyncio
from operator import attrgetter

import openai
from openai import AsyncOpenAI, OpenAI
from openai.pagination import SyncPage

CHAT = "chat.completions.create"
TEXT = "completions.create"
MODEL = "causeway"
# Where no keys are wanted, any will do: the package wants one.
NO_KEY = "none"
TIMEOUT_S = 60


class Sync:
    """`openai.OpenAI`."""

    def __init__(self, device, key=NO_KEY, retries=0, **more):
        self.client = OpenAI(base_url=device.api, api_key=key, max_retries=retries, timeout=TIMEOUT_S, **more)

    def call(self, method, **options):
        """What `method` gives: a reply, or the list of what comes one after the other."""
        found = attrgetter(method)(self.client)(**options)
        return list(found) if isinstance(found, (openai.Stream, SyncPage)) else found


class Async:
    """`openai.AsyncOpenAI`, in a loop of its own for each call."""

    def __init__(self, device, key=NO_KEY, retries=0, **more):
        self._options = dict(base_url=device.api, api_key=key, max_retries=retries, timeout=TIMEOUT_S, **more)

    def call(self, method, **options):
        """As `Sync.call`."""
        return asyncio.run(self._call(method, options))

    async def _call(self, method, options):
        async with AsyncOpenAI(**self._options) as client:
            found = await attrgetter(method)(client)(**options)
            return [item async for item in found] if hasattr(found, "__aiter__") else found


BOTH = {"openai": Sync, "openai async": Async}


def chat(client, said, **more):
    """The reply to a prompt."""
    return client.call(CHAT, **{"model": MODEL, "messages": said.messages(), **said.options(), **more})


def chat_chunks(client, said, **more):
    """The same as a stream."""
    return chat(client, said, stream=True, **more)


def continuation(client, said, **more):
    """The continuation of a text."""
    return client.call(TEXT, **{"model": MODEL, "prompt": said.prompt, **said.options(), **more})


def content(reply):
    """The text of the first choice of a chat."""
    return reply.choices[0].message.content
