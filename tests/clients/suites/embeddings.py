"""What texts mean, as vectors. The model is none of ours: CAUSEWAY_ENCODER is a folder of all-MiniLM-L6-v2."""

import os
from pathlib import Path

import openai
from langchain_openai import OpenAIEmbeddings

from . import Skip, test, test_each
from .clients import BOTH, NO_KEY, Sync
from .plain_device import plain
from .saying import equal, refused

VARIABLE = "CAUSEWAY_ENCODER"
WIDTH = 384
# The example of https://sbert.net's front page: three sentences, and how much alike they are by this model.
SENTENCES = ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."]
ALIKE = [[1.0000, 0.6660, 0.1046], [0.6660, 1.0000, 0.1411], [0.1046, 0.1411, 1.0000]]
ALIKE_ERROR_MAX = 1e-4


def _device(world):
    """A device that makes embeddings, and what requests call their model."""
    folder = os.environ.get(VARIABLE)
    if not folder:
        raise Skip(f"{VARIABLE} names no folder of all-MiniLM-L6-v2")
    path = Path(folder).resolve()
    return world.device(serve__embeddings=str(path)), path.name


def _product(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


def _as_published(vectors):
    for vector, alike in zip(vectors, ALIKE, strict=True):
        equal(len(vector), WIDTH, "the width")
        for other, published in zip(vectors, alike, strict=True):
            assert abs(_product(vector, other) - published) <= ALIKE_ERROR_MAX, (_product(vector, other), published)


@test_each(**BOTH)
def texts_are_as_much_alike_as_is_published(world, Client):
    device, model = _device(world)
    with device:
        client = Client(device)
        # The package asks for base64 unless it is told otherwise.
        packed = client.call("embeddings.create", model=model, input=SENTENCES)
        plain_numbers = client.call("embeddings.create", model=model, input=SENTENCES, encoding_format="float")
        equal([entry.index for entry in packed.data], [0, 1, 2], "the order")
        vectors = [entry.embedding for entry in packed.data]
        _as_published(vectors)
        for entry, vector in zip(plain_numbers.data, vectors, strict=True):
            assert max(abs(a - b) for a, b in zip(entry.embedding, vector, strict=True)) < 1e-6, "they differ"
        # Of words, and of the two markers around each sentence.
        equal(packed.usage.prompt_tokens, packed.usage.total_tokens, "the usage")
        assert packed.usage.prompt_tokens > sum(len(text.split()) for text in SENTENCES), packed.usage
        one = client.call("embeddings.create", model=model, input=SENTENCES[0])
        equal(one.data[0].embedding, vectors[0], "the vector of one")


@test
def langchain_finds_them_alike(world):
    device, model = _device(world)
    with device:
        # It counts tokens by itself unless told that the server knows better.
        options = dict(model=model, base_url=device.api, api_key=NO_KEY, check_embedding_ctx_length=False)
        _as_published(OpenAIEmbeddings(**options).embed_documents(SENTENCES))


@test
def the_model_is_listed_and_a_text_that_it_cannot_read_is_refused(world):
    device, model = _device(world)
    with device:
        client = Sync(device)
        assert model in [listed.id for listed in client.call("models.list")], "it is not listed"
        long = [SENTENCES[0], "so " * 600]
        with refused(openai.BadRequestError, 400, param="input[1]", says="cut it in parts"):
            client.call("embeddings.create", model=model, input=long)
        with refused(openai.NotFoundError, 404, code="model_not_found", param="model", says=model):
            client.call("embeddings.create", model="text-embedding-3-small", input="hello")


@test_each(**BOTH)
def without_a_model_for_them_there_are_none(world, Client):
    with refused(openai.NotFoundError, 404, param="model", says="[serve] embeddings"):
        Client(plain(world)).call("embeddings.create", model="any", input="hello")
