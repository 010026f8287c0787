"""A stream of server-sent events over a plain socket, which may be closed in the middle of a word."""

import asyncio
import json
from contextlib import asynccontextmanager

# More than any line of a head, or any event, of these replies.
LINE_BYTES_MAX = 1 << 16


class Broken(Exception):
    """An answer that is none of HTTP's, or ends too soon."""


class Answer:
    """The answer to one request, whose body comes piece by piece."""

    def __init__(self, reader, status, headers):
        self._reader, self.status, self.headers = reader, status, headers

    async def whole(self):
        """The body of an answer that is no stream."""
        return await self._reader.readexactly(int(self.headers.get("content-length", 0)))

    async def events(self):
        """The data of each event until the server closes the stream."""
        pending = b""
        async for piece in self._pieces():
            pending += piece
            *events, pending = pending.split(b"\n\n")
            for event in events:
                if event.startswith(b"data: "):
                    yield event.removeprefix(b"data: ")

    async def _pieces(self):
        while size := int(await _line(self._reader), 16):
            yield await self._reader.readexactly(size)
            await self._reader.readexactly(2)


@asynccontextmanager
async def post(address, path, body):
    """Sends `body` as JSON; leaving the block closes the connection, whatever is on its way."""
    host, port = address.rsplit(":", 1)
    reader, writer = await asyncio.open_connection(host, int(port), limit=LINE_BYTES_MAX)
    try:
        text = json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {len(text)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + text)
        await writer.drain()
        yield await _head(reader)
    finally:
        writer.transport.abort()


async def _head(reader):
    status = (await _line(reader)).split()
    if len(status) < 2 or not status[1].isdigit():
        raise Broken(f"a status line like {status}")
    headers = {}
    while line := await _line(reader):
        name, _, text = line.partition(":")
        headers[name.lower()] = text.strip()
    return Answer(reader, int(status[1]), headers)


async def _line(reader):
    line = await reader.readline()
    if not line.endswith(b"\n"):
        raise Broken("the connection ends in the middle of a line")
    return line.decode().strip()
