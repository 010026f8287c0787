"""HTTP with nothing in between: what no client library would send, and what no test wants retried."""

import json
import urllib.error
import urllib.request
from typing import NamedTuple


class Answer(NamedTuple):
    """What a server answered."""

    status: int
    headers: dict
    body: bytes

    def json(self):
        return json.loads(self.body)


def ask(url, body=None, headers=(), timeout_s=30):
    """Posts `body`, bytes or what becomes JSON; gets where there is none."""
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
    request = urllib.request.Request(url, body, dict(headers))
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as reply:
            return Answer(reply.status, _lower(reply.headers), reply.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, _lower(error.headers), error.read())


def _lower(headers):
    return {name.lower(): text for name, text in headers.items()}
