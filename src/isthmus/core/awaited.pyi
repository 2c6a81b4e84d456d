from isthmus.core.receiver import Receiver
from isthmus.core.sublist import Sublist, Watcher

class Awaiting(Receiver): ...

class Awaited(Watcher):
    def __init__(self, sublist: Sublist) -> None: ...
