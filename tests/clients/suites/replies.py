"""Replies, whole and as streams: every text is the oracle's."""

from . import test, test_each
from .clients import BOTH, CHAT, MODEL, TEXT, Sync, chat, chat_chunks, content, continuation
from .plain_device import plain
from .saying import CITY, HOTEL, TABLE, equal
from .streams import assembled


@test_each(**BOTH)
def a_chat_is_answered_as_the_target_would(world, Client):
    for said in (HOTEL, TABLE):
        wanted = world.oracle.reply(said)
        reply = chat(Client(plain(world)), said)
        equal(content(reply), wanted["text"], "the text")
        equal(reply.choices[0].finish_reason, wanted["finish_reason"], "the reason")
        equal(reply.choices[0].message.role, "assistant", "the role")
        usage, own = reply.usage, wanted["usage"]
        equal(usage.prompt_tokens, own["prompt_tokens"], "prompt_tokens")
        equal(usage.completion_tokens, own["completion_tokens"], "completion_tokens")
        equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens, "total_tokens")
        assert reply.id.startswith("chatcmpl-") and reply.object == "chat.completion", reply


@test_each(**BOTH)
def the_pieces_of_a_chat_add_up_to_the_whole(world, Client):
    client, wanted = Client(plain(world)), world.oracle.reply(TABLE)
    chunks = chat_chunks(client, TABLE)
    choice = assembled(chunks)
    equal(choice.text, wanted["text"], "the text")
    equal(choice.finish_reason, "stop", "the reason")
    equal(chunks[0].choices[0].delta.role, "assistant", "the first role")
    equal(len({chunk.id for chunk in chunks}), 1, "the number of ids")
    equal({chunk.object for chunk in chunks}, {"chat.completion.chunk"}, "the objects")
    equal([chunk for chunk in chunks if chunk.usage], [], "chunks with a usage that nobody asked for")
    assert len(chunks) > 3, f"a stream of {len(chunks)} chunks does not grow"


@test_each(**BOTH)
def the_last_chunk_holds_the_usage_where_it_is_wanted(world, Client):
    client, wanted = Client(plain(world)), world.oracle.reply(TABLE)
    chunks = chat_chunks(client, TABLE, stream_options={"include_usage": True})
    last = chunks[-1]
    equal(last.choices, [], "the last chunk's choices")
    equal(last.usage.completion_tokens, wanted["usage"]["completion_tokens"], "completion_tokens")
    equal(last.usage.prompt_tokens, wanted["usage"]["prompt_tokens"], "prompt_tokens")
    equal([chunk.usage for chunk in chunks[:-1]], [None] * (len(chunks) - 1), "the usage before")


@test_each(**BOTH)
def a_text_is_continued_as_it_stands(world, Client):
    wanted = world.oracle.reply(CITY)
    reply = continuation(Client(plain(world)), CITY)
    equal(reply.choices[0].text, wanted["text"], "the text")
    equal(reply.object, "text_completion", "the object")
    equal(reply.usage.completion_tokens, wanted["usage"]["completion_tokens"], "completion_tokens")


@test_each(**BOTH)
def the_pieces_of_a_continuation_add_up_to_the_whole(world, Client):
    wanted = world.oracle.reply(CITY)
    options = {"stream": True, "stream_options": {"include_usage": True}}
    chunks = continuation(Client(plain(world)), CITY, **options)
    choice = assembled(chunks)
    equal(choice.text, wanted["text"], "the text")
    equal(choice.finish_reason, wanted["finish_reason"], "the reason")
    equal(chunks[-1].usage.completion_tokens, wanted["usage"]["completion_tokens"], "completion_tokens")


@test
def a_list_of_one_prompt_is_the_prompt(world):
    reply = Sync(plain(world)).call(TEXT, model=MODEL, prompt=[CITY.prompt], **CITY.options())
    equal(reply.choices[0].text, world.oracle.text(CITY), "the text")


@test
def a_conversation_is_read_whole_and_its_parts_are_paragraphs(world):
    client = Sync(plain(world))
    create = lambda last: client.call(CHAT, model=MODEL, seed=1, messages=[*before, {"role": "user", "content": last}])
    before = [{"role": "user", "content": "Find me a hotel"}, {"role": "assistant", "content": "Where?"}]
    parts = [{"type": "text", "text": "in Paris"}, {"type": "text", "text": "for two"}]
    as_parts, as_text = create(parts), create("in Paris\nfor two")
    equal(content(as_parts), content(as_text), "the text")
    alone = client.call(CHAT, model=MODEL, seed=1, messages=[{"role": "user", "content": "in Paris\nfor two"}])
    assert as_text.usage.prompt_tokens > alone.usage.prompt_tokens + 5, "what came before is not read"


@test
def the_model_may_be_called_by_its_own_name(world):
    client = Sync(plain(world))
    reply = chat(client, TABLE, model="causeway-demo-target-q8_0")
    equal(content(reply), world.oracle.text(TABLE), "the text")
    equal(reply.model, "causeway-demo-target-q8_0", "the model")
