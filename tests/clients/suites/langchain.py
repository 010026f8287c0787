"""LangChain's ChatOpenAI, which puts the `openai` package to uses of its own."""

import asyncio
import json

import openai
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI

from . import test, test_each
from .clients import MODEL, NO_KEY
from .formats import CITIES, SCHEMA
from .plain_device import plain
from .saying import HOTEL, LONG, TABLE, equal, refused
from .tooled_device import STYLES, tooled
from .tools import SAID, TOOL, fits


def _model(world, said, **more):
    options = dict(model=MODEL, api_key=NO_KEY, base_url=plain(world).api, max_retries=0, timeout=60)
    return ChatOpenAI(**{**options, **said.options(), **more})


@test
def it_is_answered_as_the_target_would(world):
    wanted = world.oracle.reply(TABLE)
    message = _model(world, TABLE).invoke(TABLE.prompt)
    assert isinstance(message, AIMessage), message
    equal(message.content, wanted["text"], "the text")
    equal(message.usage_metadata["output_tokens"], wanted["usage"]["completion_tokens"], "output_tokens")
    equal(message.usage_metadata["input_tokens"], wanted["usage"]["prompt_tokens"], "input_tokens")
    equal(message.response_metadata["finish_reason"], "stop", "the reason")


@test
def its_stream_adds_up(world):
    whole = None
    for chunk in _model(world, TABLE, stream_usage=True).stream(TABLE.prompt):
        whole = chunk if whole is None else whole + chunk
    wanted = world.oracle.reply(TABLE)
    equal(whole.content, wanted["text"], "the text")
    equal(whole.usage_metadata["output_tokens"], wanted["usage"]["completion_tokens"], "output_tokens")


@test
def its_loop_may_run_many_at_once(world):
    said = [LONG._replace(seed=seed, max_tokens=30) for seed in range(6)]

    async def stream(one):
        pieces = [chunk.content async for chunk in _model(world, one).astream(one.prompt)]
        return "".join(pieces)

    async def whole(one):
        return (await _model(world, one).ainvoke(one.prompt)).content

    async def both():
        return await asyncio.gather(*(call(one) for one in said for call in (stream, whole)))

    wanted = [world.oracle.text(one) for one in said for _ in range(2)]
    equal(asyncio.run(both()), wanted, "the texts")


@test
def a_batch_is_answered_in_order(world):
    model = _model(world, TABLE)
    prompts = [TABLE.prompt, HOTEL.prompt]
    wanted = [world.oracle.text(TABLE._replace(prompt=prompt)) for prompt in prompts]
    equal([message.content for message in model.batch(prompts)], wanted, "the texts")


@test
def a_conversation_goes_on(world):
    turns = [HumanMessage("Find me a hotel"), AIMessage("Where?"), HumanMessage("In Paris")]
    message = _model(world, HOTEL).invoke(turns)
    assert message.content and message.usage_metadata["input_tokens"] > 15, message


@test
def what_is_beyond_openai_s_api_is_asked_for_in_its_extra_body(world):
    model = _model(world, TABLE, extra_body={"causeway": {"privacy": "device"}}, include_response_headers=True)
    message = model.invoke(TABLE.prompt)
    equal(message.response_metadata["headers"]["x-causeway-route"], "local", "the route")


@test
def its_stop_texts_are_honoured(world):
    whole = world.oracle.text(TABLE)
    word = whole.split()[2]
    equal(_model(world, TABLE).invoke(TABLE.prompt, stop=[word]).content, whole[: whole.index(word)], "the text")


@test
def what_is_refused_is_the_package_s_exception(world):
    with refused(openai.BadRequestError, 400, param="temperature"):
        _model(world, TABLE, temperature=3).invoke("x")
    with refused(openai.NotFoundError, 404, code="model_not_found"):
        _model(world, TABLE, model="gpt-4o").invoke("x")


@test
def its_structured_output_is_what_the_schema_says(world):
    model = _model(world, HOTEL).with_structured_output({"title": "city", **SCHEMA}, method="json_schema")
    found = model.invoke(HOTEL.prompt)
    assert found["city"] in CITIES, found


@test_each(**{style: style for style in STYLES})
def its_tools_are_called(world, style):
    model = _model(world, SAID, base_url=tooled(world, style).api).bind_tools([TOOL], tool_choice="book_table")
    message = model.invoke(SAID.prompt)
    (call,) = message.tool_calls
    equal((call["name"], message.content), ("book_table", ""), "the call, and the words")
    fits(json.dumps(call["args"]))
    told = [HumanMessage(SAID.prompt), message, ToolMessage("A table by the window.", tool_call_id=call["id"])]
    assert _model(world, TABLE, base_url=tooled(world, style).api).invoke(told).content, "it says nothing of it"
