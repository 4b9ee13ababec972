"""An actor that writes down what it receives."""

from actors.runtime.actor import Actor


class Recording(Actor):
    def __init__(self, runtime):
        super().__init__(runtime)
        self.received = []

    async def on_receive(self, message):
        self.received.append(message)
