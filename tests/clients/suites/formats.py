"""What a reply has to be: a schema's, an expression's, an object; and how likely its tokens were."""

import json

from . import test, test_each
from .clients import BOTH, Sync, chat, chat_chunks, content, continuation
from .plain_device import plain
from .saying import HOTEL, TABLE, equal

CITIES = ("Paris", "Oakland")
SCHEMA = {
    "type": "object",
    "properties": {"city": {"enum": list(CITIES)}},
    "required": ["city"],
    "additionalProperties": False,
}


@test_each(**BOTH)
def a_reply_is_what_its_schema_says(world, Client):
    schema = {"type": "json_schema", "json_schema": {"name": "city", "strict": True, "schema": SCHEMA}}
    reply = chat(Client(plain(world)), HOTEL, response_format=schema)
    assert json.loads(content(reply))["city"] in CITIES, content(reply)


@test
def a_reply_is_an_object_as_far_as_it_goes_where_that_is_wanted(world):
    reply = chat(Sync(plain(world)), HOTEL, response_format={"type": "json_object"})
    # The demo model has never seen JSON: it may not find the end of its first string.
    if reply.choices[0].finish_reason == "length":
        assert content(reply).lstrip().startswith("{"), content(reply)
    else:
        assert isinstance(json.loads(content(reply)), dict), content(reply)


@test
def a_reply_fits_its_regular_expression(world):
    wants = {"response_format": {"type": "regex", "regex": "(yes|no)"}}
    reply = chat(Sync(plain(world)), HOTEL, extra_body=wants)
    assert content(reply) in ("yes", "no"), content(reply)


@test
def the_text_format_asks_for_nothing(world):
    reply = chat(Sync(plain(world)), TABLE, response_format={"type": "text"})
    equal(content(reply), world.oracle.text(TABLE), "the text")


@test
def log_probabilities_are_the_targets_wherever_it_is(world):
    wants = {"logprobs": True, "top_logprobs": 3}
    with world.device(plan__mode="local", plan__local="target") as device:
        local = _entries(chat(Sync(device), HOTEL, **wants))
    reply = chat(Sync(plain(world)), HOTEL, **wants)
    equal(_entries(reply), local, "what a cloud and a device say")
    equal("".join(token for token, _, _ in local), content(reply), "the tokens")
    # The first is what temperature 0 says.
    equal([top[0][0] for _, _, top in local], [token for token, _, _ in local], "the likeliest")
    streamed = [
        entry
        for chunk in chat_chunks(Sync(plain(world)), HOTEL, **wants)
        for choice in chunk.choices
        if choice.logprobs
        for entry in choice.logprobs.content
    ]
    equal([_entry(entry) for entry in streamed], local, "what comes as a stream")


@test
def log_probabilities_of_a_continuation_are_those_of_its_tokens(world):
    reply = continuation(Sync(plain(world)), HOTEL, logprobs=2)
    told = reply.choices[0].logprobs
    equal("".join(told.tokens), reply.choices[0].text, "the tokens")
    equal([max(top.values()) for top in told.top_logprobs], told.token_logprobs, "the likeliest")


def _entries(reply):
    return [_entry(entry) for entry in reply.choices[0].logprobs.content]


def _entry(entry):
    return entry.token, entry.logprob, [(top.token, top.logprob) for top in entry.top_logprobs]
