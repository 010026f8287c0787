"""Devices that are busy, that start and that stop: clients are told when to come back, and those that retry succeed."""

import threading

import openai

from . import test, test_each
from .clients import BOTH, Async, Sync, chat, chat_chunks, content
from .saying import LONG, TABLE, equal, refused
from .streams import assembled
from world import plain as http

SLOW = LONG._replace(max_tokens=60)
PACE = {"decode_ms": 30, "per_row_ms": 0}


class _Busy:
    """A device whose one turn is taken, by a stream of some seconds."""

    def __init__(self, world, **changes):
        self._cloud = world.start_cloud(engine__pace=PACE)
        self.device = world.device(self._cloud, serve__streams_max=1, **changes)
        self._chunks = []
        self._slow = threading.Thread(target=self._take)

    def _take(self):
        self._chunks = chat_chunks(Sync(self.device), SLOW)

    def __enter__(self):
        self.device.is_up()
        self._slow.start()
        self.device.wait(lambda: self.device.requests()["running"], "its turn is taken")
        return self

    def __exit__(self, *_):
        self._slow.join()
        self.device.process.end()
        self._cloud.kill()

    def choice(self):
        """The stream as a whole, at its end."""
        self._slow.join()
        return assembled(self._chunks)


@test_each(**BOTH)
def what_is_beyond_the_queue_is_refused_at_once(world, Client):
    with _Busy(world, serve__queue_max=0) as busy:
        client, before = Client(busy.device), busy.device.requests()["refused"]
        for stream in (False, True):
            with refused(openai.InternalServerError, 503, code="queue_full", type="overloaded_error"):
                chat(client, TABLE, stream=stream)
        try:
            chat(client, TABLE)
        except openai.InternalServerError as error:
            assert 1 <= int(error.response.headers["retry-after"]) <= 60, error.response.headers
        equal(busy.device.requests()["refused"] - before, 3, "the refusals")
        equal(busy.choice().text, world.oracle.text(SLOW), "the text of who was first")


@test_each(**BOTH)
def a_client_that_retries_is_answered(world, Client):
    with _Busy(world, serve__queue_max=0) as busy:
        before = busy.device.requests()["refused"]
        equal(content(chat(Client(busy.device, retries=8), TABLE)), world.oracle.text(TABLE), "the text")
        assert busy.device.requests()["refused"] > before, "nothing was refused"


@test
def who_waits_is_answered_in_turn(world):
    with _Busy(world, serve__queue_max=2) as busy:
        wants = lambda: content(chat(Sync(busy.device), TABLE))
        texts = []
        waiting = [threading.Thread(target=lambda: texts.append(wants())) for _ in range(2)]
        [thread.start() for thread in waiting]
        busy.device.wait(lambda: busy.device.requests()["queued"] == 2, "two wait")
        with refused(openai.InternalServerError, 503, code="queue_full", says="2 requests wait"):
            chat(Sync(busy.device), TABLE)
        [thread.join() for thread in waiting]
        equal(texts, [world.oracle.text(TABLE)] * 2, "the texts")


def _starting(world):
    """A device that waits for a cloud which is not there: its start takes a while."""
    gone = world.start_cloud()
    gone.kill()
    return world.start_device(gone)


@test_each(**BOTH)
def who_asks_while_the_device_loads_is_told_how_far_it_is(world, Client):
    with _starting(world) as device:
        client = Client(device)
        for stream in (False, True):
            with refused(openai.InternalServerError, 503, code="loading", type="overloaded_error", says="of 4"):
                chat(client, TABLE, stream=stream)
        try:
            client.call("models.list")
        except openai.InternalServerError as error:
            assert int(error.response.headers["retry-after"]) >= 1, error.response.headers
        equal(http.ask(f"{device.url}/healthz").status, 200, "the health")
        equal(http.ask(f"{device.url}/readyz").status, 503, "the readiness")
        assert device.status()["loading"]["of"] == 4, device.status()


@test_each(**BOTH)
def a_client_that_retries_is_answered_once_it_is_loaded(world, Client):
    with _starting(world) as device:
        reply = chat(Client(device, retries=8), TABLE)
        assert content(reply), reply
        equal(set(reply.model_extra["causeway"]["verified"]), {False}, "the marks, without a cloud")


@test_each(**{"openai": Sync, "openai async": Async})
def a_device_that_stops_ends_its_streams_whole_and_takes_no_more(world, Client):
    with _Busy(world) as busy:
        busy.device.process.terminate()
        busy.device.wait(lambda: http.ask(f"{busy.device.url}/readyz").status == 503, "it drains")
        with refused(openai.InternalServerError, 503, code="draining", type="overloaded_error"):
            chat(Client(busy.device), TABLE)
        equal(busy.choice().text, world.oracle.text(SLOW), "the text of the stream")
        equal(busy.choice().finish_reason, "length", "its reason")
        equal(busy.device.process.wait(), 0, "the exit code")


@test
def a_stream_that_takes_too_long_for_a_device_that_stops_is_ended_in_order(world):
    with _Busy(world, serve__drain_s=0) as busy:
        busy.device.process.terminate()
        equal(busy.device.process.wait(), 0, "the exit code")
        choice = busy.choice()
        assert world.oracle.text(SLOW).startswith(choice.text), choice.text
        assert len(choice.verified) < SLOW.max_tokens, choice.verified
        equal(choice.finish_reason, "length", "the reason")
