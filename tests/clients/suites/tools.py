"""Tools, with a model that is told of them in each of the ways in which calls are spelt."""

import json

import openai

from . import test, test_each
from .clients import BOTH, CHAT, MODEL, Sync, chat, chat_chunks, content
from .plain_device import plain
from .saying import TABLE, equal, refused
from .tooled_device import STYLES, alone, tooled

SCHEMA = {
    "type": "object",
    "properties": {"people": {"enum": [1, 2, 3, 4]}, "when": {"enum": ["today", "tonight"]}},
    "required": ["people", "when"],
    "additionalProperties": False,
}
TOOL = {
    "type": "function",
    "function": {"name": "book_table", "description": "Books a table", "parameters": SCHEMA, "strict": True},
}
OTHER = {"type": "function", "function": {"name": "find_hotel", "parameters": {"type": "object", "properties": {}}}}
BOOK = {"type": "function", "function": {"name": "book_table"}}
# A call has more tokens than the words that these tests ask for otherwise.
SAID = TABLE._replace(max_tokens=160)
EACH = {f"{client}, {style}": (Client, style) for client, Client in BOTH.items() for style in STYLES}


def fits(arguments):
    """Fails unless they are what the schema says."""
    found = json.loads(arguments)
    assert list(found) == ["people", "when"], arguments
    assert found["people"] in (1, 2, 3, 4) and found["when"] in ("today", "tonight"), arguments


def _called(reply):
    """The one call of a reply that is nothing else."""
    (choice,) = reply.choices
    assert choice.message.tool_calls, choice
    (call,) = choice.message.tool_calls
    equal((choice.finish_reason, choice.message.content), ("tool_calls", None), "the reason, and the words")
    assert call.id, "it has no id"
    equal((call.type, call.function.name), ("function", "book_table"), "what is called")
    return call.function.arguments


@test_each(**EACH)
def a_demanded_tool_is_called_with_what_fits_and_the_same_without_drafts(world, each):
    Client, style = each
    asked = dict(tools=[OTHER, TOOL], tool_choice=BOOK)
    arguments = _called(chat(Client(tooled(world, style)), SAID, **asked))
    fits(arguments)
    equal(_called(chat(Client(alone(world, style)), SAID, **asked)), arguments, "what the target says alone")


@test_each(**EACH)
def a_stream_of_a_call_adds_up_to_it(world, each):
    Client, style = each
    asked = dict(tools=[TOOL], tool_choice="required", parallel_tool_calls=False)
    whole = _called(chat(Client(tooled(world, style)), SAID, **asked))
    chunks = chat_chunks(Client(tooled(world, style)), SAID, **asked)
    choices = [choice for chunk in chunks for choice in chunk.choices]
    calls = [call for choice in choices for call in choice.delta.tool_calls or []]
    equal([call.index for call in calls], [0] * len(calls), "the indexes")
    equal([call.function.name for call in calls if call.id], ["book_table"], "the name, once and with the id")
    equal("".join(call.function.arguments or "" for call in calls), whole, "the arguments")
    equal([choice.finish_reason for choice in choices if choice.finish_reason], ["tool_calls"], "the reasons")
    assert not any(choice.delta.content for choice in choices), "words come beside it"


@test_each(**EACH)
def a_conversation_goes_on_from_what_a_tool_has_found(world, each):
    Client, style = each
    asked = dict(tools=[TOOL], tool_choice=BOOK)
    reply = chat(Client(tooled(world, style)), SAID, **asked)
    (call,) = reply.choices[0].message.tool_calls
    found = {"role": "tool", "tool_call_id": call.id, "content": "A table by the window."}
    turns = [*SAID.messages(), reply.choices[0].message.model_dump(exclude_none=True), found]
    goes_on = {"model": MODEL, "messages": turns, **TABLE.options(), "tools": [TOOL]}
    goes_on["tool_choice"] = "none"
    answer = Client(tooled(world, style)).call(CHAT, **goes_on)
    assert content(answer) and not answer.choices[0].message.tool_calls, answer
    by_itself = Client(alone(world, style)).call(CHAT, **goes_on)
    equal(content(by_itself), content(answer), "what the target says alone")
    first = Client(tooled(world, style)).call(CHAT, **{**goes_on, "messages": turns[:1]})
    assert answer.usage.prompt_tokens > first.usage.prompt_tokens, "what was called and found is no part of the prompt"


@test_each(**{style: style for style in STYLES})
def where_the_model_may_choose_it_says_words_or_calls(world, style):
    reply = chat(Sync(tooled(world, style)), SAID, tools=[TOOL])
    message = reply.choices[0].message
    for call in message.tool_calls or []:
        fits(call.function.arguments)
    assert message.content or message.tool_calls, reply
    told = chat(Sync(tooled(world, style)), SAID, tools=[TOOL, OTHER]).usage.prompt_tokens
    assert told > reply.usage.prompt_tokens, "the model is not told of a tool"


@test
def no_tools_and_tool_choice_none_ask_for_nothing(world):
    reply = chat(Sync(plain(world)), TABLE, tools=[TOOL], tool_choice="none")
    equal(content(reply), world.oracle.text(TABLE), "the text")


@test_each(**BOTH)
def a_model_that_knows_no_tools_refuses_them(world, Client):
    with refused(openai.BadRequestError, 400, param="tools", says="chat template"):
        chat(Client(plain(world)), TABLE, tools=[TOOL], tool_choice=BOOK)
