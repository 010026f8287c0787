"""What is refused arrives as the exception that the package has for it, with what is wrong and where."""

import httpx2
import openai

from . import test, test_each
from .clients import BOTH, CHAT, MODEL, TEXT, Sync, chat, content, continuation
from .plain_device import plain
from .saying import CITY, TABLE, equal, refused


@test_each(**BOTH)
def another_model_is_not_found(world, Client):
    client = Client(plain(world))
    wants = dict(code="model_not_found", param="model", type="invalid_request_error")
    with refused(openai.NotFoundError, 404, says="causeway-demo-target-q8_0", **wants):
        chat(client, TABLE, model="gpt-4o")
    with refused(openai.NotFoundError, 404, code="model_not_found", param="model"):
        continuation(client, CITY, model="gpt-4o")
    with refused(openai.NotFoundError, 404, code="model_not_found"):
        chat(client, TABLE, model="gpt-4o", stream=True)


WRONG = {
    "temperature": ({"temperature": 3}, "temperature"),
    "temperature as text": ({"extra_body": {"temperature": "warm"}}, "temperature"),
    "top_p": ({"top_p": 0}, "top_p"),
    "max_tokens": ({"max_tokens": 0}, "max_tokens"),
    "two max_tokens": ({"max_completion_tokens": 9}, "max_completion_tokens"),
    "n": ({"n": 9}, "n"),
    "seed": ({"extra_body": {"seed": 1.5}}, "seed"),
    "five stops": ({"stop": ["a", "b", "c", "d", "e"]}, "stop"),
    "empty stop": ({"stop": [""]}, "stop[0]"),
    "presence_penalty": ({"presence_penalty": 0.5}, "presence_penalty"),
    "frequency_penalty": ({"frequency_penalty": 0.5}, "frequency_penalty"),
    "logit_bias": ({"logit_bias": {"50256": -100}}, "logit_bias"),
    "store": ({"store": True}, "store"),
    "unknown": ({"extra_body": {"best_off": 2}}, "best_off"),
    "top_logprobs alone": ({"top_logprobs": 2}, "top_logprobs"),
    "usage without stream": ({"stream_options": {"include_usage": True}}, "stream_options"),
    "reasoning_effort": ({"reasoning_effort": "low"}, "reasoning_effort"),
    "no message": ({"messages": []}, "messages"),
    "role": ({"messages": [{"role": "boss", "content": "x"}]}, "messages[0].role"),
    "content": ({"messages": [{"role": "user", "content": 7}]}, "messages[0].content"),
    "image": ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
              "messages[0].content[0].type"),
}


@test_each(**WRONG)
def a_parameter_that_is_wrong_is_named(world, case):
    options, param = case
    with refused(openai.BadRequestError, 400, param=param, type="invalid_request_error"):
        chat(Sync(plain(world)), TABLE, **options)


@test_each(**BOTH)
def a_stream_is_refused_before_it_begins(world, Client):
    with refused(openai.BadRequestError, 400, param="temperature"):
        chat(Client(plain(world)), TABLE, temperature=3, stream=True)


@test_each(penalty=({"presence_penalty": 0.5}, "presence_penalty"), unknown=({"extra_body": {"x": 1}}, "x"),
           best_of=({"best_of": 2}, "best_of"), echo=({"echo": True}, "echo"), suffix=({"suffix": "end"}, "suffix"))
def a_continuation_refuses_by_name_too(world, case):
    options, param = case
    with refused(openai.BadRequestError, 400, param=param):
        continuation(Sync(plain(world)), CITY, **options)


@test_each(**BOTH)
def a_prompt_beyond_the_context_is_refused(world, Client):
    messages = [{"role": "user", "content": "hotel " * 8000}]
    client = Client(plain(world))
    with refused(openai.BadRequestError, 400, param="messages"):
        client.call(CHAT, model=MODEL, messages=messages)
    with refused(openai.BadRequestError, 400, param="messages"):
        client.call(CHAT, model=MODEL, messages=messages, stream=True)


@test
def a_continuation_s_prompt_beyond_the_context_is_refused_as_its_prompt(world):
    with refused(openai.BadRequestError, 400, param="prompt"):
        Sync(plain(world)).call(TEXT, model=MODEL, prompt="hotel " * 8000)


@test
def a_body_above_4_mib_is_refused(world):
    messages = [{"role": "user", "content": "x" * (5 << 20)}]
    with refused(openai.APIStatusError, 413, type="invalid_request_error"):
        Sync(plain(world)).call(CHAT, model=MODEL, messages=messages)


class _Cutting(httpx2.HTTPTransport):
    """Sends half of each body."""

    def handle_request(self, request):
        half = request.read()[: len(request.content) // 2]
        headers = [(name, text) for name, text in request.headers.items() if name != "content-length"]
        return super().handle_request(httpx2.Request(request.method, request.url, headers=headers, content=half))


@test
def a_body_that_is_no_json_is_refused(world):
    client = Sync(plain(world), http_client=httpx2.Client(transport=_Cutting()))
    with refused(openai.BadRequestError, 400, param=None, type="invalid_request_error"):
        chat(client, TABLE)
    with refused(openai.BadRequestError, 400):
        continuation(client, CITY)


@test
def a_body_that_is_a_list_is_refused(world):
    with refused(openai.BadRequestError, 400):
        Sync(plain(world)).client.post("/chat/completions", body=[1, 2], cast_to=object)


@test
def a_path_that_is_not_there_is_not_found(world):
    client = Sync(plain(world)).client
    with refused(openai.NotFoundError, 404, says="docs/API.md"):
        client.get("/nothing/here", cast_to=object)
    with refused(openai.NotFoundError, 404):
        client.images.generate(prompt="a hotel")


@test
def embeddings_are_refused_where_no_model_makes_them(world):
    try:
        Sync(plain(world)).call("embeddings.create", model=MODEL, input="x")
    except (openai.NotFoundError, openai.BadRequestError):
        return
    raise AssertionError("nobody refuses them")


@test
def the_link_cannot_be_cut_where_that_is_not_allowed(world):
    client = Sync(plain(world)).client.with_options(base_url=plain(world).url)
    with refused(openai.PermissionDeniedError, 403, says="link_switch"):
        client.post("/causeway/v1/link", body={"cut": True}, cast_to=object)


@test
def a_system_message_is_read_by_a_model_whose_template_knows_none(world):
    client = Sync(plain(world))
    asks = dict(model=MODEL, temperature=0, max_tokens=12)
    system = [{"role": "system", "content": "You are kind."}, {"role": "user", "content": "hi"}]
    before = [{"role": "user", "content": "You are kind.\n\nhi"}]
    replies = [client.call(CHAT, messages=messages, **asks) for messages in (system, before)]
    equal(content(replies[0]), content(replies[1]), "what is said to it before what the user says")


@test
def what_was_refused_left_no_trace(world):
    device = plain(world)
    device.idle()
    equal(device.requests()["running"], 0, "the requests that run")
