"""Keys, and what each may."""

import threading

import openai

from . import test, test_each
from .clients import BOTH, Sync, chat, content
from .saying import LONG, TABLE, equal, refused
from world import plain as http

CAR, HOME, PHONE, WATCH = (f"{name}-0123456789abcdef" for name in ("car", "home", "phone", "watch"))
KEYS = f"""
[[keys]]
name = "car"
secret = "{CAR}"
[[keys]]
name = "home"
secret = "{HOME}"
requests_per_minute = 2
[[keys]]
name = "phone"
secret = "{PHONE}"
streams_max = 1
[[keys]]
name = "watch"
secret = "{WATCH}"
tokens_per_minute = 5
"""


def _device(world, **changes):
    return world.device(serve__keys=world.write("keys.toml", KEYS), **changes)


@test_each(**BOTH)
def a_key_is_wanted_and_only_one_of_ours_will_do(world, Client):
    with _device(world) as device:
        device.wait(lambda: device.status(CAR)["links"][0]["state"] == "up", "the link is up")
        wrong = dict(code="invalid_api_key", type="invalid_request_error")
        for call in (lambda client: chat(client, TABLE), lambda client: client.call("models.list")):
            with refused(openai.AuthenticationError, 401, **wrong):
                call(Client(device, key="sk-0123456789abcdef"))
        equal(content(chat(Client(device, key=CAR), TABLE)), world.oracle.text(TABLE), "the text")


@test
def without_a_key_nothing_but_health_is_told(world):
    with _device(world) as device:
        body = {"model": "causeway", "messages": TABLE.messages()}
        for path, sent in [("/v1/chat/completions", body), ("/v1/completions", {"model": "causeway", "prompt": "x"}),
                           ("/v1/models", None), ("/v1/models/causeway", None), ("/causeway/v1/status", None),
                           ("/causeway/v1/events", None), ("/causeway/v1/link", {"cut": True})]:
            answer = http.ask(device.url + path, sent)
            equal((path, answer.status), (path, 401), "the answer")
            equal(answer.json()["error"]["code"], "invalid_api_key", "the code")
        for path in ("/healthz", "/readyz"):
            equal(http.ask(device.url + path).status, 200, path)


@test_each(**BOTH)
def a_key_that_asks_too_often_is_told_when_to_come_back(world, Client):
    with _device(world) as device:
        client, refusals = Client(device, key=HOME), lambda: device.status(CAR)["requests"]["refused"]
        before = refusals()
        for _ in range(2):
            chat(client, TABLE)
        with refused(openai.RateLimitError, 429, type="rate_limit_error", says="2 requests a minute"):
            chat(client, TABLE)
        try:
            chat(client, TABLE, stream=True)
        except openai.RateLimitError as error:
            assert 1 <= int(error.response.headers["retry-after"]) <= 30, error.response.headers
        chat(Client(device, key=CAR), TABLE)
        equal(refusals() - before, 2, "the refusals")


@test
def a_key_that_took_too_many_tokens_is_told_so(world):
    with _device(world) as device:
        client = Sync(device, key=WATCH)
        chat(client, TABLE)
        with refused(openai.RateLimitError, 429, says="5 tokens a minute"):
            chat(client, TABLE)


@test
def a_key_has_so_many_replies_at_a_time(world):
    cloud = world.start_cloud(engine__pace={"decode_ms": 40, "per_row_ms": 0})
    with _device(world, cloud=cloud) as device:
        client = Sync(device, key=PHONE)
        slow = threading.Thread(target=lambda: chat(client, LONG._replace(max_tokens=40)))
        slow.start()
        device.wait(lambda: device.status(CAR)["requests"]["running"], "the first one runs")
        with refused(openai.RateLimitError, 429, says="at a time"):
            chat(Sync(device, key=PHONE), TABLE)
        slow.join()
        chat(client, TABLE)
    cloud.kill()
