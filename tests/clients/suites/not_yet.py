"""What servers of this API refuse by name until they have it; then these tests are what it has to do."""

import json

import openai

from . import Skip, test, test_each
from .clients import BOTH, CHAT, MODEL, Sync, chat, content
from .plain_device import plain
from .saying import HOTEL, TABLE, equal

TOOL = {
    "type": "function",
    "function": {
        "name": "book_table",
        "description": "Books a table",
        "parameters": {"type": "object", "properties": {"people": {"type": "integer"}}, "required": ["people"]},
    },
}
CITIES = ("Paris", "Oakland")
SCHEMA = {
    "type": "object",
    "properties": {"city": {"enum": list(CITIES)}},
    "required": ["city"],
    "additionalProperties": False,
}


def _unless_refused(param, call):
    """What `call` gives; skips where the server refuses `param` by its name."""
    try:
        return call()
    except openai.BadRequestError as refusal:
        if refusal.param == param:
            raise Skip(f"the server refuses {param!r}: {refusal.body['message']}") from None
        raise


@test_each(**BOTH)
def a_demanded_tool_is_called(world, Client):
    choice = {"type": "function", "function": {"name": "book_table"}}
    reply = _unless_refused("tools", lambda: chat(Client(plain(world)), TABLE, tools=[TOOL], tool_choice=choice))
    (call,) = reply.choices[0].message.tool_calls
    equal((call.function.name, reply.choices[0].finish_reason), ("book_table", "tool_calls"), "the call")
    assert isinstance(json.loads(call.function.arguments)["people"], int), call


@test
def no_tools_and_tool_choice_none_ask_for_nothing(world):
    reply = chat(Sync(plain(world)), TABLE, tools=[TOOL], tool_choice="none")
    equal(content(reply), world.oracle.text(TABLE), "the text")


@test_each(**BOTH)
def a_reply_is_what_its_schema_says(world, Client):
    schema = {"type": "json_schema", "json_schema": {"name": "city", "strict": True, "schema": SCHEMA}}
    reply = _unless_refused("response_format", lambda: chat(Client(plain(world)), HOTEL, response_format=schema))
    assert json.loads(content(reply))["city"] in CITIES, content(reply)


@test
def a_reply_is_an_object_as_far_as_it_goes_where_that_is_wanted(world):
    wants = {"type": "json_object"}
    reply = _unless_refused("response_format", lambda: chat(Sync(plain(world)), HOTEL, response_format=wants))
    # The demo model has never seen JSON: it may not find the end of its first string.
    if reply.choices[0].finish_reason == "length":
        assert content(reply).lstrip().startswith("{"), content(reply)
    else:
        assert isinstance(json.loads(content(reply)), dict), content(reply)


@test
def a_reply_fits_its_regular_expression(world):
    wants = {"extra_body": {"response_format": {"type": "regex", "regex": "(yes|no)"}}}
    reply = _unless_refused("response_format", lambda: chat(Sync(plain(world)), HOTEL, **wants))
    assert content(reply) in ("yes", "no"), content(reply)


@test
def the_text_format_asks_for_nothing(world):
    reply = chat(Sync(plain(world)), TABLE, response_format={"type": "text"})
    equal(content(reply), world.oracle.text(TABLE), "the text")


@test
def log_probabilities_are_of_the_tokens_that_were_said(world):
    with world.device(plan__mode="local", plan__local="target") as device:
        wants = {"logprobs": True, "top_logprobs": 3}
        reply = _unless_refused("logprobs", lambda: chat(Sync(device), HOTEL, **wants))
        entries = reply.choices[0].logprobs.content
        equal("".join(entry.token for entry in entries), content(reply), "the tokens")
        # The first is what temperature 0 says.
        equal([entry.top_logprobs[0].token for entry in entries], [entry.token for entry in entries], "the likeliest")


@test
def where_the_one_who_decides_is_elsewhere_there_are_no_log_probabilities(world):
    client = Sync(plain(world))
    try:
        client.call(CHAT, model=MODEL, messages=HOTEL.messages(), logprobs=True)
    except openai.BadRequestError as refusal:
        equal(refusal.param, "logprobs", "the param")
        return
    raise AssertionError("nobody refuses them")
