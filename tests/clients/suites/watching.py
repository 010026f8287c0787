"""Who watches a device sees what its clients do."""

import json
import threading
import urllib.request

from world import plain as http

from . import test
from .clients import Sync, chat
from .plain_device import plain
from .saying import TABLE, equal


def _events(url, enough):
    """The events of a stream of them, as name and data, until `enough` of them have come."""
    found, name = [], None
    with urllib.request.urlopen(url, timeout=10) as stream:
        for line in stream:
            key, _, text = line.decode().rstrip("\n").partition(": ")
            if key == "event":
                name = text
            if key == "data":
                found.append((name, json.loads(text)))
                if enough(found):
                    return found
    return found


@test
def the_status_counts_what_was_served(world):
    device = plain(world)
    before = device.idle() and device.status()
    reply = chat(Sync(device), TABLE)
    device.idle()
    after = device.status()
    equal(after["requests"]["served"] - before["requests"]["served"], 1, "the served requests")
    equal(after["totals"]["tokens"] - before["totals"]["tokens"], reply.usage.completion_tokens, "the tokens")
    equal((after["ready"], after["model"], after["mode"]), (True, "causeway-demo-target-q8_0", "speculative"), "it")


@test
def probes_are_no_requests(world):
    gone = world.start_cloud()
    gone.kill()
    with world.start_device(gone) as device:
        for _ in range(3):
            http.ask(f"{device.url}/readyz")
        device.ready()
        requests = device.requests()
        equal([requests[it] for it in ("served", "refused", "failed", "cancelled")], [0] * 4, "what became of none")


@test
def the_metrics_count_what_was_served(world):
    device = plain(world)
    served = lambda: _sum(http.ask(f"{device.url}/metrics").body.decode(), "causeway_requests_total", 'route="hybrid"')
    before = served()
    chat(Sync(device), TABLE)
    device.idle()
    equal(served() - before, 1.0, "the requests that went to the target")


def _sum(metrics, name, label):
    """The sum of a counter over all that has `label`."""
    lines = [line.rsplit(" ", 1) for line in metrics.splitlines() if line.startswith(f"{name}{{")]
    return sum(float(value) for key, value in lines if label in key)


@test
def a_snapshot_comes_twice_a_second(world):
    events = _events(f"{plain(world).url}/causeway/v1/events", lambda found: len(found) == 3)
    equal([name for name, _ in events], ["status"] * 3, "the events")
    first, second, third = (status["uptime_s"] for _, status in events)
    assert 0.8 < third - first < 5, (first, second, third)


@test
def what_happens_is_told_as_it_happens(world):
    with world.device(serve__link_switch=True, link__emulate="ethernet") as device:
        device.is_up()
        cut = threading.Timer(0.3, http.ask, (f"{device.url}/causeway/v1/link", {"cut": True}))
        cut.start()
        told = lambda found: any(name == "notice" for name, _ in found)
        (_, notice), = [event for event in _events(f"{device.url}/causeway/v1/events", told) if event[0] == "notice"]
        equal(notice["kind"], "link-cut", "the notice")
        cut.join()
