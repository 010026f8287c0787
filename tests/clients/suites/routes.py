"""A device that routes: an intent acts, its own model answers, the target does, or the request waits for it."""

import asyncio

import openai
from openai import AsyncOpenAI

from . import test, test_each
from .callbacks import Callbacks
from .clients import BOTH, CHAT, MODEL, NO_KEY, Sync, chat, chat_chunks, content
from .saying import HOTEL, TABLE, equal, refused
from .streams import assembled

ADD = [{"role": "user", "content": "add milk to my shopping list"}]


class _Home:
    """A device with intents, a policy and a journal, and a cloud of its own."""

    def __init__(self, world):
        self._world = world
        self.calls = Callbacks()
        self.cloud = world.start_cloud()
        self.device = world.device(
            self.cloud,
            intents__files=[world.intents(self.calls.port)],
            routing__policy="policy.toml",
            journal__path=f"../journal-{self.calls.port}",
        )

    def __enter__(self):
        self.calls.__enter__()
        self.device.is_up()
        return self

    def __exit__(self, *_):
        self.device.process.end()
        self.cloud.kill()
        self.calls.__exit__()

    def cloud_dies(self):
        """An idle link is not probed, so that no radio wakes: a request finds out."""
        self.cloud.kill()
        with refused(openai.UnprocessableEntityError, 422, code="no_route", says="the target has been out of reach"):
            chat(Sync(self.device), TABLE, **_asks("hybrid"))

    def cloud_returns(self):
        self.cloud = self._world.start_cloud(self.cloud.address)

    def called(self, path, timeout_s=20):
        """What came to `path`, once something has."""
        return self.device.wait(lambda: self.calls.at(path), f"{path} is called", timeout_s)


def _asks(route, **more):
    return {"extra_body": {"causeway": {"route": route, **more}}}


@test_each(**BOTH)
def an_intent_acts(world, Client):
    with _Home(world) as home:
        reply = Client(home.device).call(CHAT, model=MODEL, messages=ADD)
        causeway = reply.model_extra["causeway"]
        equal((causeway["route"], causeway["intent"], causeway["outcome"]), ("action", "home_list_add", "done"), "it")
        equal(content(reply), "On the list: milk.", "the text")
        (call,) = home.called("/list")
        equal(call.body, {"add": "milk"}, "the action")
        chunks = Client(home.device).call(CHAT, model=MODEL, messages=ADD, stream=True)
        choice = assembled(chunks)
        equal(choice.text, "On the list: milk.", "the text of the stream")
        equal((choice.ending["route"], choice.ending["outcome"]), ("action", "done"), "its end")
        equal(len(home.calls.at("/list")), 2, "the actions")


@test
def what_may_act_or_wait_has_one_choice(world):
    with _Home(world) as home:
        client = Sync(home.device)
        with refused(openai.BadRequestError, 400, param="n", says="does so once"):
            client.call(CHAT, model=MODEL, messages=ADD, n=3)
        with refused(openai.BadRequestError, 400, param="n", says="does so once"):
            chat(client, TABLE, n=2, **_asks("deferred"))
        equal(home.calls.at("/list"), [], "the actions")
        equal(len(chat(client, TABLE, n=2, **_asks("hybrid")).choices), 2, "the choices of what does neither")


@test
def an_action_that_fails_says_so(world):
    with _Home(world) as home:
        home.calls.__exit__()
        reply = Sync(home.device).call(CHAT, model=MODEL, messages=ADD)
        outcome = reply.model_extra["causeway"]["outcome"]
        assert "failed" in outcome and outcome["failed"], outcome
        home.calls = Callbacks().__enter__()


@test_each(body=lambda route: _asks(route), headers=lambda route: {"extra_headers": {"X-Causeway-Route": route}})
def a_request_goes_the_way_that_it_asks_for(world, how):
    with _Home(world) as home:
        client = Sync(home.device)
        local, hybrid = (chat(client, TABLE, **how(route)) for route in ("local", "hybrid"))
        equal([it.model_extra["causeway"]["route"] for it in (local, hybrid)], ["local", "hybrid"], "the routes")
        equal(set(local.model_extra["causeway"]["verified"]), {False}, "the marks of the device's own answer")
        equal(content(hybrid), world.oracle.text(TABLE), "the target's text")
        equal(set(hybrid.model_extra["causeway"]["verified"]), {True}, "its marks")
        stream = assembled(chat_chunks(client, TABLE, **how("hybrid")))
        equal((stream.text, stream.ending["route"]), (world.oracle.text(TABLE), "hybrid"), "the stream")


@test_each(**BOTH)
def where_there_is_no_way_it_is_said_why_of_each(world, Client):
    with _Home(world) as home:
        with refused(openai.UnprocessableEntityError, 422, code="no_route", says="none of the known intents"):
            chat(Client(home.device), TABLE, **_asks("action"))
        private = _asks("hybrid", privacy="device")
        with refused(openai.UnprocessableEntityError, 422, code="no_route"):
            chat(Client(home.device), TABLE, **private)


@test_each(device="device", site="site")
def a_private_request_is_answered_at_home(world, privacy):
    with _Home(world) as home:
        reply = chat(Sync(home.device), TABLE, extra_body={"causeway": {"privacy": privacy}})
        cost = reply.usage.model_extra["causeway"]
        equal(reply.model_extra["causeway"]["route"], "local", "the route")
        equal((cost["bytes_sent"], cost["bytes_received"]), (0, 0), "the bytes")


@test_each(**BOTH)
def what_waits_for_the_cloud_is_answered_once_it_is_back(world, Client):
    with _Home(world) as home:
        home.cloud_dies()
        client, callback = Client(home.device), f"{home.calls.url}/answer"
        asks = _asks("deferred", callback=callback, key="the-first", deadline_ms=3_600_000)
        reply = chat(client, TABLE, **asks)
        causeway = reply.model_extra["causeway"]
        equal(causeway["route"], "deferred", "the route")
        assert len(causeway["deferred"]) == 32 and len(causeway["conversation"]) == 32, causeway
        again = chat(client, TABLE, **asks).model_extra["causeway"]
        equal(again["deferred"], causeway["deferred"], "the request of the same key")
        stream = assembled(chat_chunks(client, TABLE, **_asks("deferred", callback=f"{callback}-2")))
        assert stream.ending["deferred"] not in (None, causeway["deferred"]), stream.ending
        equal(home.calls.calls, [], "what came so far")
        home.cloud_returns()
        (call,) = home.called("/answer")
        equal((call.body["request"], call.key), (causeway["deferred"],) * 2, "the request")
        equal((call.body["text"], call.body["vouched"]), (world.oracle.text(TABLE), "verified"), "the answer")
        equal(home.called("/answer-2")[0].body["request"], stream.ending["deferred"], "the other request")
        recorded = lambda: any(causeway["deferred"] in text for text in home.device.happened("answered"))
        home.device.wait(recorded, "the answer is on record")


@test
def every_request_that_waits_is_named(world):
    with _Home(world) as home:
        asks = _asks("deferred", callback=f"{home.calls.url}/answer")
        reply = chat(Sync(home.device), TABLE, **asks)
        answered = lambda: len(home.device.happened("answered"))
        home.device.wait(lambda: len(home.calls.at("/answer")) == answered() > 0, "all is told")
        told = [reply, *reply.choices]
        named = {(it.model_extra.get("causeway") or {}).get("deferred") for it in told} - {None}
        equal({call.body["request"] for call in home.calls.at("/answer")}, named, "who is called back")


@test
def a_key_is_of_one_request_even_of_several_at_once(world):
    async def all_at_once(device):
        async with AsyncOpenAI(base_url=device.api, api_key=NO_KEY, max_retries=0) as client:
            asked = dict(model=MODEL, messages=TABLE.messages(), **TABLE.options(), **_asks("deferred", key="once"))
            asking = (client.chat.completions.create(**asked) for _ in range(8))
            return await asyncio.gather(*asking, return_exceptions=True)

    with _Home(world) as home:
        home.cloud_dies()
        replies = asyncio.run(all_at_once(home.device))
        equal([reply for reply in replies if isinstance(reply, Exception)], [], "the failures")
        equal(len({reply.model_extra["causeway"]["deferred"] for reply in replies}), 1, "the number of requests")


@test
def a_key_of_another_request_is_refused_as_the_request_s_own_fault(world):
    with _Home(world) as home:
        chat(Sync(home.device), TABLE, **_asks("deferred", key="mine"))
        with refused(openai.BadRequestError, 400, param="causeway.key"):
            chat(Sync(home.device), HOTEL, **_asks("deferred", key="mine"))


@test_each(**BOTH)
def a_conversation_that_the_journal_keeps_goes_on(world, Client):
    with _Home(world) as home:
        client = Client(home.device)
        first = chat(client, TABLE, **_asks("hybrid", conversation="new"))
        id = first.model_extra["causeway"]["conversation"]
        assert len(id) == 32, first
        said = TABLE._replace(prompt="In Paris")
        second = chat(client, said, **_asks("hybrid", conversation=id))
        equal(second.model_extra["causeway"]["conversation"], id, "the conversation")
        turns = [*TABLE.messages(), {"role": "assistant", "content": content(first)}, *said.messages()]
        whole = client.call(CHAT, model=MODEL, messages=turns, **said.options(), **_asks("hybrid"))
        equal(content(second), content(whole), "the text")
        equal(whole.model_extra["causeway"]["conversation"], None, "the conversation of who keeps it")
        with refused(openai.BadRequestError, 400, param="causeway.conversation"):
            chat(client, TABLE, **_asks("hybrid", conversation="0" * 32))
        with refused(openai.BadRequestError, 400, param="messages"):
            client.call(CHAT, model=MODEL, messages=turns, **_asks("hybrid", conversation=id))


@test
def a_text_is_not_routed(world):
    with _Home(world) as home:
        with refused(openai.BadRequestError, 400, param="prompt"):
            Sync(home.device).call("completions.create", model=MODEL, prompt="x")
