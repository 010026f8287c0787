"""Devices and clouds of a model that knows tools: the demo pair's target, with a chat template that tells it of them."""

from world import gguf

TARGET = "causeway-demo-target-q8_0.gguf"
KEY = "tokenizer.chat_template"
# How calls are spelt, by a template that the repository has.
STYLES = {"Hermes": "qwen2.5", "Llama 3": "headers"}


def tooled(world, style):
    """Drafts here, a cloud of the same model confirms."""

    def start():
        cloud = world.start_cloud(model__path=_model(world, style))
        device = world.device(cloud, models__target=_model(world, style))
        device.is_up()
        return device

    return world.shared(("tooled", style), start)


def alone(world, style):
    """The target on the device, without drafts: what the other one has to say."""
    local = {"plan__mode": "local", "plan__local": "target", "models__draft": None}
    return world.shared(("alone", style), lambda: world.device(models__target=_model(world, style), **local))


def _model(world, style):
    path = world.folder / f"{STYLES[style]}.gguf"
    if not path.exists():
        template = (world.repository / "tests/golden/chats" / f"{STYLES[style]}.jinja").read_text()
        gguf.copy_saying(world.folder / "models" / TARGET, KEY, template, path)
    return str(path)
