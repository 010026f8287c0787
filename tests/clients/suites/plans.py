"""The same text by every plan: alone, from afar, drafted, and split over three tiers."""

from . import test_each
from .clients import Async, Sync, chat, chat_chunks, content
from .saying import LONG, TABLE, equal
from .streams import assembled

LOCAL = {"plan__mode": "local", "plan__local": "target"}
DRAFT = "../models/causeway-demo-draft-q8_0.gguf"
# The first hop is left behind after four tokens.
SWITCHED = {"plan__mode": "split", "plan__switches": [{"after": 4, "mode": "remote"}]}
PLANS = {
    "local": (LOCAL, "local", "local: the target"),
    "local, without peers": ({**LOCAL, "models__draft": None}, "local", "local: the target"),
    "remote": ({"plan__mode": "remote"}, "hybrid", "remote"),
    "speculative": ({"plan__mode": "speculative"}, "hybrid", "speculative"),
    "speculative, by rounds": ({"plan__mode": "speculative", "plan__speculation": "rounds"}, "hybrid", "speculative"),
    "speculative, by lookup": ({"plan__mode": "speculative", "plan__source": "lookup"}, "hybrid", "speculative"),
    "split": ({"plan__mode": "split"}, "hybrid", "split"),
    "split, without drafts": ({"plan__mode": "split", "plan__draft_length": 0}, "hybrid", "split"),
    "split, then remote": (SWITCHED, "hybrid", "split"),
}


@test_each(**PLANS)
def the_text_is_the_target_s(world, plan):
    changes, route, name = plan
    said = LONG._replace(max_tokens=40)
    with world.device(**changes) as device:
        wanted = {one: world.oracle.text(one) for one in (TABLE, said)}
        reply = chat(Sync(device), TABLE)
        equal(content(reply), wanted[TABLE], "the whole text")
        causeway = reply.model_extra["causeway"]
        equal(causeway["route"], route, "the route")
        assert causeway["plan"].startswith(name), causeway["plan"]
        equal(set(causeway["verified"]), {True}, "the marks")
        choice = assembled(chat_chunks(Async(device), said))
        equal((choice.text, choice.finish_reason), (wanted[said], "length"), "the stream")
        equal(choice.verified, [True] * 40, "the stream's marks")
        switched = ["switched"] if "plan__switches" in changes else []
        equal(choice.kinds(), switched, "what happened")


@test_each(draft={"plan__mode": "local", "plan__local": "draft"})
def the_draft_model_alone_vouches_for_nothing(world, changes):
    with world.device(**changes) as device:
        reply = chat(Sync(device), TABLE)
        wanted = world.oracle.text(TABLE, **{"plan.local": "draft", "models.draft": DRAFT})
        equal(content(reply), wanted, "the text")
        equal(set(reply.model_extra["causeway"]["verified"]), {False}, "the marks")
