"""`lite-ensam listen` (extra `pacs`): an archive pushes a CT and a report, and gets a SEG and an SR back."""

from lite_ensam.listener.inbox import Inbox
from lite_ensam.listener.service import Listener, ListenerSettings

__all__ = ["Inbox", "Listener", "ListenerSettings"]
