"""The device that tests share where they need nothing special of it: drafts here, the cloud confirms."""


def plain(world):
    """Starts with the first who asks, and ends with the world."""

    def start():
        device = world.device(serve__streams_max=16)
        device.is_up()
        return device

    return world.shared("plain", start)
