"""What the device does beyond OpenAI's API: `causeway` in bodies and headers, in replies, chunks and raw headers."""

import openai

from . import test, test_each
from .clients import BOTH, MODEL, Sync, chat, chat_chunks, content
from .plain_device import plain
from .saying import LONG, TABLE, equal, refused
from .streams import assembled

PLAN = "speculative: cloud 0..6, drafts as they pay, work-conserving"
IN_BODY = {"extra_body": {"causeway": {"privacy": "device"}}}
IN_HEADERS = {"extra_headers": {"X-Causeway-Privacy": "device"}}


@test_each(**BOTH)
def a_reply_says_how_it_came_about(world, Client):
    reply = chat(Client(plain(world)), TABLE)
    tokens = reply.usage.completion_tokens
    causeway = reply.model_extra["causeway"]
    equal((causeway["route"], causeway["plan"]), ("hybrid", PLAN), "route and plan")
    equal((causeway["verified"], causeway["events"]), ([True] * tokens, []), "verified and events")
    nothing = [causeway[key] for key in ("conversation", "deferred", "intent", "outcome")]
    equal(nothing, [None] * 4, "what does not apply")
    cost = reply.usage.model_extra["causeway"]
    equal((cost["verified"], cost["unverified"]), (tokens, 0), "the verified and the unverified")
    assert cost["bytes_sent"] > 0 and cost["bytes_received"] > 0 and cost["passes"] > 0, cost
    assert set(cost["time_ms"]) == {"compute", "queue", "network", "waiting"} and cost["ttft_ms"] > 0, cost


@test_each(**BOTH)
def each_choice_has_its_own_marks(world, Client):
    reply = chat(Client(plain(world)), TABLE, n=2)
    own = [choice.model_extra["causeway"]["verified"] for choice in reply.choices]
    equal(sum(own, []), reply.model_extra["causeway"]["verified"], "the marks of all choices")
    equal(sum(map(len, own)), reply.usage.completion_tokens, "the number of marks")


@test_each(**BOTH)
def a_stream_says_it_chunk_by_chunk(world, Client):
    options = {"stream_options": {"include_usage": True}}
    chunks = chat_chunks(Client(plain(world)), TABLE, **options)
    choice, usage = assembled(chunks), chunks[-1].usage
    equal(choice.verified, [True] * usage.completion_tokens, "the marks")
    equal((choice.ending["route"], choice.ending["plan"]), ("hybrid", PLAN), "route and plan")
    assert usage.model_extra["causeway"]["passes"] > 0, usage


@test
def raw_headers_say_what_it_took(world):
    raw = Sync(plain(world)).client.chat.completions.with_raw_response
    answer = raw.create(model=MODEL, messages=TABLE.messages(), **TABLE.options())
    reply, headers = answer.parse(), answer.headers
    equal(headers["x-causeway-route"], "hybrid", "the route")
    equal(headers["x-causeway-plan"], PLAN, "the plan")
    equal(headers["x-causeway-verified"], str(reply.usage.completion_tokens), "the verified")
    equal(headers["x-causeway-unverified"], "0", "the unverified")
    cost = reply.usage.model_extra["causeway"]
    equal(headers["x-causeway-bytes"], str(cost["bytes_sent"] + cost["bytes_received"]), "the bytes")
    equal(float(headers["x-causeway-money"]), 0.0, "the money")
    equal(f"chatcmpl-{headers['x-causeway-request']}", reply.id, "the request")


@test
def a_stream_s_headers_say_what_is_known_before_the_first_word(world):
    raw = Sync(plain(world)).client.chat.completions.with_streaming_response
    with raw.create(model=MODEL, messages=TABLE.messages(), stream=True, **TABLE.options()) as answer:
        headers = answer.headers
        answer.read()
    assert len(headers["x-causeway-request"]) == 32, headers
    equal(headers.get("x-causeway-plan"), PLAN, "the plan")
    # Of a device that does not route, there is one way.
    equal(headers.get("x-causeway-route"), "hybrid", "the route")


@test_each(body=IN_BODY, headers=IN_HEADERS)
def a_private_text_stays_on_the_device(world, how):
    reply = chat(Sync(plain(world)), TABLE, **how)
    tokens = reply.usage.completion_tokens
    equal(reply.model_extra["causeway"]["route"], "local", "the route")
    cost = reply.usage.model_extra["causeway"]
    equal((cost["bytes_sent"], cost["bytes_received"], cost["unverified"]), (0, 0, tokens), "what it took")


@test_each(body=IN_BODY, headers=IN_HEADERS)
def so_does_a_private_stream(world, how):
    choice = assembled(chat_chunks(Sync(plain(world)), TABLE, **how))
    equal(choice.ending["route"], "local", "the route")
    equal(set(choice.verified), {False}, "the marks")


@test
def the_headers_of_a_private_stream_name_the_plan_that_it_goes_by(world):
    raw = Sync(plain(world)).client.chat.completions.with_raw_response
    answer = raw.create(model=MODEL, messages=TABLE.messages(), stream=True, **TABLE.options(), **IN_BODY)
    choice = assembled(answer.parse())
    equal(answer.headers.get("x-causeway-plan", choice.ending["plan"]), choice.ending["plan"], "the plan")


@test
def a_text_for_the_site_stays_there_or_is_refused_as_the_request_s_own_fault(world):
    try:
        reply = chat(Sync(plain(world)), TABLE, extra_body={"causeway": {"privacy": "site"}})
        equal(reply.model_extra["causeway"]["route"], "local", "the route")
    except openai.APIStatusError as refusal:
        equal((refusal.status_code, refusal.param), (400, "causeway.privacy"), f"status and param ({refusal})")


@test
def the_body_overrides_a_header(world):
    both = {"extra_body": {"causeway": {"privacy": "anywhere"}}, **IN_HEADERS}
    reply = chat(Sync(plain(world)), TABLE, **both)
    equal((content(reply), reply.model_extra["causeway"]["route"]), (world.oracle.text(TABLE), "hybrid"), "it")


# About half of what the reply would take.
BUDGET = 5000


def _crossed(reply):
    cost = reply.usage.model_extra["causeway"]
    return cost["bytes_sent"] + cost["bytes_received"]


@test_each(body={"extra_body": {"causeway": {"budget": {"bytes": BUDGET}}}},
           headers={"extra_headers": {"X-Causeway-Budget-Bytes": str(BUDGET)}})
def a_reply_ends_before_it_takes_more_than_its_budget(world, how):
    reply = chat(Sync(plain(world)), LONG, **how)
    equal(reply.choices[0].finish_reason, "length", "the reason")
    assert 0 < reply.usage.completion_tokens < LONG.max_tokens, reply.usage
    assert world.oracle.text(LONG).startswith(content(reply)), content(reply)
    assert _crossed(reply) <= BUDGET, f"{_crossed(reply)} bytes are beyond {BUDGET}"


@test
def a_budget_that_is_too_small_for_a_word_is_not_exceeded_either(world):
    reply = chat(Sync(plain(world)), LONG, extra_body={"causeway": {"budget": {"bytes": 100}}})
    assert _crossed(reply) <= 100, f"{_crossed(reply)} bytes are beyond 100"


@test
def a_budget_is_of_the_reply_with_all_of_its_choices(world):
    reply = chat(Sync(plain(world)), LONG, n=3, extra_body={"causeway": {"budget": {"bytes": BUDGET}}})
    assert reply.usage.completion_tokens > 0, reply.usage
    assert _crossed(reply) <= BUDGET, f"{_crossed(reply)} bytes are beyond {BUDGET}"


@test_each(
    privacy=({"privacy": "nowhere"}, "causeway.privacy"),
    policy=({"policy": "forget"}, "causeway.policy"),
    deadline=({"deadline_ms": 0}, "causeway.deadline_ms"),
    budget=({"budget": 7}, "causeway.budget"),
    unknown=({"secrecy": "device"}, "causeway.secrecy"),
    route=({"route": "local"}, "causeway.route"),
    conversation=({"conversation": "new"}, "causeway.conversation"),
    callback=({"callback": "http://127.0.0.1:1/"}, "causeway.callback"),
    key=({"key": "mine"}, "causeway.key"),
)
def what_is_wrong_with_it_is_named(world, case):
    causeway, param = case
    with refused(openai.BadRequestError, 400, param=param):
        chat(Sync(plain(world)), TABLE, extra_body={"causeway": causeway})


@test_each(value=("X-Causeway-Privacy", "nowhere"), name=("X-Causeway-Secrecy", "device"))
def what_is_wrong_with_a_header_is_named(world, header):
    name, value = header
    with refused(openai.BadRequestError, 400) as _:
        chat(Sync(plain(world)), TABLE, extra_headers={name: value})
