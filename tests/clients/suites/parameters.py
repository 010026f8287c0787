"""Every parameter of docs/API.md is honoured."""

from world.oracle import Said

from . import test, test_each
from .clients import BOTH, Sync, chat, chat_chunks, content, continuation
from .plain_device import plain
from .saying import CITY, HOTEL, LONG, TABLE, equal
from .streams import assembled, choices


@test_each(**BOTH)
def a_seed_gives_the_same_text_twice_and_another_one_another(world, Client):
    client = Client(plain(world))
    texts = [content(chat(client, TABLE, seed=seed)) for seed in (5, 5, 6)]
    equal(texts[:2], [world.oracle.text(TABLE)] * 2, "the text of seed 5")
    equal(texts[2], world.oracle.text(TABLE._replace(seed=6)), "the text of seed 6")
    assert texts[0] != texts[2], texts


@test
def a_negative_seed_is_a_seed(world):
    client = Sync(plain(world))
    texts = {content(chat(client, TABLE, seed=-1)) for _ in range(2)}
    equal(texts, {world.oracle.text(TABLE._replace(seed=2**64 - 1))}, "the texts of seed -1")


@test
def without_a_seed_chance_decides(world):
    client, said = Sync(plain(world)), LONG._replace(max_tokens=12)
    texts = {content(chat(client, said, seed=None)) for _ in range(4)}
    assert len(texts) > 1, texts


@test_each(max_tokens="max_tokens", max_completion_tokens="max_completion_tokens")
def a_reply_ends_after_so_many_tokens(world, name):
    client, wanted = Sync(plain(world)), world.oracle.reply(LONG._replace(max_tokens=7))
    messages, sampling = LONG.messages(), {"seed": LONG.seed, "temperature": LONG.temperature}
    reply = client.call("chat.completions.create", model="causeway", messages=messages, **sampling, **{name: 7})
    equal(content(reply), wanted["text"], "the text")
    equal((reply.choices[0].finish_reason, reply.usage.completion_tokens), ("length", 7), "its end")


@test_each(**BOTH)
def a_reply_ends_before_any_of_the_stop_texts(world, Client):
    client, whole = Client(plain(world)), world.oracle.text(TABLE)
    word = whole.split()[3]
    wanted = whole[: whole.index(word)]
    for stop in (word, ["never said", word]):
        reply = chat(client, TABLE, stop=stop)
        equal((content(reply), reply.choices[0].finish_reason), (wanted, "stop"), "the reply")
        choice = assembled(chat_chunks(client, TABLE, stop=stop))
        equal((choice.text, choice.finish_reason), (wanted, "stop"), "the stream")


@test
def a_continuation_ends_before_a_stop_text_too(world):
    whole = world.oracle.text(CITY)
    word = whole.split()[2]
    reply = continuation(Sync(plain(world)), CITY, stop=[word])
    equal(reply.choices[0].text, whole[: whole.index(word)], "the text")


@test
def top_p_leaves_the_likeliest_words_alone(world):
    wanted = world.oracle.text(TABLE, **{"generation.top_p": 0.3})
    reply = chat(Sync(plain(world)), TABLE, top_p=0.3)
    equal(content(reply), wanted, "the text")


@test
def temperature_zero_needs_no_seed(world):
    client = Sync(plain(world))
    texts = {content(chat(client, HOTEL, seed=seed)) for seed in (1, 2, None)}
    equal(texts, {world.oracle.text(HOTEL)}, "the texts")


@test_each(**BOTH)
def choice_i_is_what_seed_plus_i_gives(world, Client):
    client = Client(plain(world))
    wanted = [world.oracle.text(TABLE._replace(seed=TABLE.seed + i)) for i in range(3)]
    reply = chat(client, TABLE, n=3)
    equal([choice.message.content for choice in reply.choices], wanted, "the texts")
    equal([choice.index for choice in reply.choices], [0, 1, 2], "the indices")
    tokens = sum(len(world.oracle.reply(TABLE._replace(seed=TABLE.seed + i))["tokens"]) for i in range(3))
    equal(reply.usage.completion_tokens, tokens, "completion_tokens")
    streamed = choices(chat_chunks(client, TABLE, n=3), 3)
    equal([choice.text for choice in streamed], wanted, "the streamed texts")
    equal([choice.finish_reason for choice in streamed], ["stop"] * 3, "the reasons")


@test
def a_continuation_has_choices_too(world):
    wanted = [world.oracle.text(CITY._replace(seed=CITY.seed + i)) for i in range(2)]
    reply = continuation(Sync(plain(world)), CITY, n=2)
    equal([choice.text for choice in reply.choices], wanted, "the texts")


@test
def what_has_no_effect_is_taken(world):
    nothing = {"presence_penalty": 0, "frequency_penalty": 0, "logit_bias": {}, "user": "someone"}
    nothing |= {"metadata": {"a": "b"}, "store": False, "service_tier": "auto"}
    equal(content(chat(Sync(plain(world)), TABLE, **nothing)), world.oracle.text(TABLE), "the text")


@test
def a_long_prompt_is_read_whole(world):
    said = Said("I would like a hotel in the city. " * 40, seed=2, temperature=0.7, max_tokens=24)
    reply = chat(Sync(plain(world)), said)
    wanted = world.oracle.reply(said)
    equal(content(reply), wanted["text"], "the text")
    equal(reply.usage.prompt_tokens, wanted["usage"]["prompt_tokens"], "prompt_tokens")
