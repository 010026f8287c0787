"""The cloud dies in mid-stream: the stream goes on alone, and is judged when the cloud is back."""

import threading

import openai

from world import plain as http

from . import test, test_each
from .clients import MODEL, Async, Sync, chat
from .saying import LONG, equal
from .streams import Choice

# A pass of the cloud, and one of the device: fast enough to wait for, slow enough to be cut in the middle.
PACE = {"decode_ms": 30, "per_row_ms": 0}
SAID = LONG
# Tokens before the cut, and those said alone before the cloud is back.
BEFORE, ALONE = 10, 5


class _Pair:
    """A device and a cloud of its own, both slow."""

    def __init__(self, world, **changes):
        self._world = world
        self.cloud = world.start_cloud(engine__pace=PACE)
        self.device = world.device(self.cloud, engine__pace=PACE, **changes)

    def __enter__(self):
        self.device.is_up()
        return self

    def __exit__(self, *_):
        self.device.process.end()
        self.cloud.kill()

    def dies(self):
        self.cloud.kill()

    def returns(self):
        self.cloud = self._world.start_cloud(self.cloud.address, engine__pace=PACE)

    def cuts(self):
        equal(http.ask(f"{self.device.url}/causeway/v1/link", {"cut": True}).status, 200, "the cut")

    def mends(self):
        equal(http.ask(f"{self.device.url}/causeway/v1/link", {"cut": False}).status, 200, "the mending")


def _stream_through(stream, lose, find):
    """A stream during which the cloud is lost, and found again once the device has gone on alone."""
    choice, lost, found = Choice(), False, False
    for chunk in stream:
        for part in chunk.choices:
            choice.take(chunk, part)
        if not lost and len(choice.verified) >= BEFORE:
            lost = True
            lose()
        if lost and not found and "alone" in choice.kinds() and choice.verified.count(False) >= ALONE:
            found = True
            find()
    assert lost and found, f"the reply was over too soon: {choice.kinds()}, {choice.text!r}"
    return choice


def _stream(device, policy, **more):
    create = Sync(device).client.chat.completions.create
    causeway = {"causeway": {"policy": policy}}
    return create(model=MODEL, messages=SAID.messages(), stream=True, extra_body=causeway, **SAID.options(), **more)


def _is_kept(world, choice):
    kinds = choice.kinds()
    equal(kinds, ["alone", "rejoined", "judged"], "what happened")
    alone, rejoined, judged = (next(event for event in choice.events if event["kind"] == kind) for kind in kinds)
    equal((alone["peer"], rejoined["peer"]), ("cloud", "cloud"), "the peer")
    assert alone["why"] and judged["said"] >= ALONE and judged["agreed"] <= judged["said"], (alone, judged)
    first = choice.verified.index(False)
    assert first >= BEFORE and set(choice.verified[:first]) == {True} and choice.verified[-1], choice.verified
    said_before = " ".join(world.oracle.text(SAID).split()[:3])
    assert choice.text.startswith(said_before), (choice.text, said_before)


def _is_revised(world, choice):
    kinds = choice.kinds()
    equal(kinds[:2], ["alone", "rejoined"], "what happened first")
    assert "judged" in kinds, kinds
    equal(choice.text, world.oracle.text(SAID), "the text, once revised")
    equal(set(choice.verified), {True}, "the marks")
    equal(choice.finish_reason, "length", "the reason")


CHECKS = {"keep": ("keep", _is_kept), "revise": ("revise", _is_revised)}


@test
def without_a_model_of_its_own_a_device_waits_in_the_background_of_these_tests(world):
    _mute(world)


@test
def each_token_has_its_log_probability_through_an_outage(world):
    told = []
    with _Pair(world) as pair:
        stream = _stream(pair.device, "keep", logprobs=True)
        choice = _stream_through(_telling(stream, told), pair.dies, pair.returns)
    equal(len(told), len(choice.verified), "how many there are")
    # A token may be a part of a letter.
    said = b"".join(bytes(entry.bytes) for entry in told)
    equal(said.decode(errors="replace"), choice.text, "the tokens")
    assert all(entry.logprob <= 0 for entry in told), told


def _telling(stream, told):
    for chunk in stream:
        told.extend(entry for part in chunk.choices if part.logprobs for entry in part.logprobs.content)
        yield chunk


@test_each(**CHECKS)
def a_stream_outlives_its_cloud(world, policy):
    name, check = policy
    with _Pair(world) as pair:
        choice = _stream_through(_stream(pair.device, name), pair.dies, pair.returns)
        check(world, choice)
        assert pair.device.happened("alone") and pair.device.happened("rejoined"), pair.device.status()["timeline"]


@test_each(**CHECKS)
def a_stream_outlives_its_link(world, policy):
    name, check = policy
    with _Pair(world, serve__link_switch=True, link__emulate="ethernet") as pair:
        choice = _stream_through(_stream(pair.device, name), pair.cuts, pair.mends)
        check(world, choice)
        recorded = [bool(pair.device.happened(kind)) for kind in ("link-cut", "link-mended")]
        equal(recorded, [True, True], f"what is on record of the link ({pair.device.status()['timeline']})")


@test
def a_whole_reply_tells_of_the_outage_in_it(world):
    with _Pair(world) as pair:
        found = {}
        ask = lambda: found.update(reply=chat(Async(pair.device), SAID, extra_body={"causeway": {"policy": "revise"}}))
        asking = threading.Thread(target=ask)
        asking.start()
        received = lambda: pair.device.status()["links"][0]["bytes_received"]
        before = received()
        pair.device.wait(lambda: received() > before + 800, "the cloud has said some words")
        pair.dies()
        pair.device.wait(lambda: pair.device.happened("alone"), "it goes on alone")
        pair.returns()
        asking.join()
        reply = found["reply"]
        causeway = reply.model_extra["causeway"]
        kinds = [event["kind"] for event in causeway["events"] if event["kind"] != "vouched"]
        equal(kinds[:2], ["alone", "rejoined"], "what happened")
        equal(reply.choices[0].message.content, world.oracle.text(SAID), "the text")
        equal(causeway["verified"], [True] * SAID.max_tokens, "the marks")
        assert reply.usage.model_extra["causeway"]["failovers"] == 1, reply.usage


@test
def a_cloud_that_came_back_stops_in_time(world):
    """Who dials while it is away gives some handshakes up in the middle: they are not to keep it."""
    with _Pair(world) as pair:
        chat(Sync(pair.device), SAID._replace(max_tokens=2))
        pair.dies()
        chat(Sync(pair.device), SAID._replace(max_tokens=2))
        pair.cloud = world.start_cloud(pair.cloud.address, limits__drain_s=1)
        pair.device.is_up()
        pair.device.process.end()
        pair.cloud.terminate()
        equal(pair.cloud.wait(5), 0, "the exit code")


class _Mute:
    """A device without a model of its own, whose cloud dies in mid-stream: after 30 s it has to say so."""

    def __init__(self, world):
        self._cloud = world.start_cloud(engine__pace=PACE)
        self._device = world.device(self._cloud, models__draft=None, plan__mode="remote")
        self.chunks, self.stream_error, self.whole_error = 0, None, None
        self._threads = [threading.Thread(target=self._listen)]
        self._threads[0].start()

    def _listen(self):
        try:
            for _ in Sync(self._device).client.chat.completions.create(
                    model=MODEL, messages=LONG.messages(), stream=True, **LONG.options()):
                self.chunks += 1
                if self.chunks == BEFORE:
                    self._cloud.kill()
                    self._threads.append(threading.Thread(target=self._ask))
                    self._threads[1].start()
        except openai.OpenAIError as error:
            self.stream_error = error

    def _ask(self):
        try:
            chat(Sync(self._device), LONG)
        except openai.OpenAIError as error:
            self.whole_error = error

    def join(self):
        self._threads[0].join()
        [thread.join() for thread in self._threads[1:]]
        self._device.process.end()


_MUTE = []


def _mute(world):
    if not _MUTE:
        _MUTE.append(_Mute(world))
    return _MUTE[0]


@test
def without_a_model_of_its_own_the_stream_ends_in_an_error_and_a_reply_is_one(world):
    mute = _mute(world)
    mute.join()
    assert mute.chunks >= BEFORE, mute.chunks
    assert isinstance(mute.stream_error, openai.APIError), mute.stream_error
    equal(mute.stream_error.code, "unreachable", f"the code of the stream's error {mute.stream_error!r}")
    assert isinstance(mute.whole_error, openai.InternalServerError), mute.whole_error
    equal((mute.whole_error.status_code, mute.whole_error.code), (504, "unreachable"), "the reply's error")
