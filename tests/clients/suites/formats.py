"""What a reply has to be: a schema's, an expression's, an object; and how likely its tokens were."""

import json

import openai

from . import test, test_each
from .clients import BOTH, Sync, chat, content
from .plain_device import plain
from .saying import HOTEL, TABLE, equal, refused

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
def log_probabilities_are_of_the_tokens_that_were_said(world):
    with world.device(plan__mode="local", plan__local="target") as device:
        reply = chat(Sync(device), HOTEL, logprobs=True, top_logprobs=3)
        entries = reply.choices[0].logprobs.content
        equal("".join(entry.token for entry in entries), content(reply), "the tokens")
        # The first is what temperature 0 says.
        equal([entry.top_logprobs[0].token for entry in entries], [entry.token for entry in entries], "the likeliest")


@test
def where_the_one_who_decides_is_elsewhere_there_are_no_log_probabilities(world):
    with refused(openai.BadRequestError, 400, param="logprobs"):
        chat(Sync(plain(world)), HOTEL, logprobs=True)
