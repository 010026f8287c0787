"""A device that serves, as its clients and its operator see it."""

import time

from . import plain

POLL_S = 0.02


class Device:
    """One `edge-node serve`. Leaving its `with` ends it."""

    def __init__(self, process):
        self.process = process
        self.url = f"http://{process.address}"
        self.api = f"{self.url}/v1"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.end()

    def ready(self, timeout_s=20):
        """Waits until it takes requests."""
        self.wait(lambda: plain.ask(f"{self.url}/readyz").status == 200, "it is ready", timeout_s)
        return self

    def status(self, key=None):
        """What is going on in it."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return plain.ask(f"{self.url}/causeway/v1/status", headers=headers).json()

    def requests(self):
        """How many requests run, wait, were served and so on."""
        return self.status()["requests"]

    def happened(self, kind):
        """What is on its record, of one kind."""
        return [entry["text"] for entry in self.status()["timeline"] if entry["kind"] == kind]

    def wait(self, is_so, what, timeout_s=10):
        """Waits until `is_so()`; what it gave."""
        until = time.monotonic() + timeout_s
        while not (it := is_so()):
            said = self.process.said()[-2000:]
            assert time.monotonic() < until, f"after {timeout_s} s it is not so that {what}; the device says\n{said}"
            time.sleep(POLL_S)
        return it

    def idle(self, timeout_s=10):
        """Waits until no request runs or waits."""
        return self.wait(lambda: not any(self.requests()[it] for it in ("running", "queued")), "it is idle", timeout_s)

    def is_up(self, peer="cloud", timeout_s=15):
        """Waits until the link to `peer` is up."""
        link = lambda: next(link for link in self.status()["links"] if link["peer"] == peer)
        return self.wait(lambda: link()["state"] == "up", f"the link to {peer} is up", timeout_s)
