"""Which model answers."""

import openai

from . import test_each
from .clients import BOTH
from .plain_device import plain
from .saying import equal, refused

TARGET = "causeway-demo-target-q8_0"


@test_each(**BOTH)
def the_model_that_answers_is_listed(world, Client):
    models = Client(plain(world)).call("models.list")
    equal([(model.id, model.object) for model in models], [(TARGET, "model")], "the list")


@test_each(**BOTH)
def a_model_is_looked_up_by_its_id(world, Client):
    client = Client(plain(world))
    equal(client.call("models.retrieve", model=TARGET).id, TARGET)
    with refused(openai.NotFoundError, 404, code="model_not_found", param="model", says=TARGET):
        client.call("models.retrieve", model="gpt-4o")
