"""A stream of chunks, put together as whoever shows it would."""


class Choice:
    """One choice of a stream so far."""

    def __init__(self):
        self.text, self.verified, self.events = "", [], []
        self.finish_reason = None
        self.ending = None

    def kinds(self):
        """What happened, in order, without what is said of single tokens."""
        return [event["kind"] for event in self.events if event["kind"] != "vouched"]

    def take(self, chunk, choice):
        """Takes what a chunk says of this choice."""
        delta = getattr(choice, "delta", None)
        self.text += (delta.content if delta else choice.text) or ""
        self.finish_reason = choice.finish_reason or self.finish_reason
        causeway = chunk.model_extra.get("causeway") or {}
        self.verified += causeway.get("verified", [])
        if event := causeway.get("event"):
            self._happens(event)
        if choice.finish_reason:
            self.ending = causeway

    def _happens(self, event):
        self.events.append(event)
        if event["kind"] == "revised":
            self.text = event["text"]
            del self.verified[event["tokens"]:]
        if event["kind"] == "vouched":
            self.verified[event["token"]] = True


def choices(chunks, n=1):
    """The choices of a whole stream."""
    found = [Choice() for _ in range(n)]
    for chunk in chunks:
        for choice in chunk.choices:
            found[choice.index].take(chunk, choice)
    return found


def assembled(chunks):
    """The one choice of a whole stream."""
    return choices(chunks)[0]
