"""The flows of earlier published sets, for conversations that began with them: read when needed, few kept."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict

from bot.content import Content, flows_of, is_flow_file
from bot.conversation import Conversation
from bot.errors import ContentError
from bot.versions import FIRST, Earlier, Flows
from storage import StorageUnavailable, Tx
from storage.errors import StorageError

log = logging.getLogger("peersupport.content")
KEPT = 8  # sets; some hundred kilobytes each

_read: OrderedDict[frozenset[tuple[str, str]], Flows] = OrderedDict()  # by the files' names and hashes
_lock = threading.Lock()


def earlier(tx: Tx, conv: Conversation, content: Content) -> Earlier | None:
    """What a decision about this conversation needs of other sets; None: it is on the newest, or in no flow."""
    newest, mine = content.number, conv.flow_set or FIRST
    if newest is None or conv.flow is None or mine == newest:
        return None
    plans = tuple(each for each in content.plans if each[0] > mine)
    sets: dict[int, Flows] = {newest: content.flows}
    for number in {mine, *(number for number, _ in plans)} - {newest}:
        flows = flows_of_set(tx, number)
        if flows is not None:
            sets[number] = flows
    return Earlier(sets=sets, plans=plans)


def flows_of_set(tx: Tx, number: int) -> Flows | None:
    """The flows of a published set; None when they cannot be read any more."""
    hashes = {name: hash for name, hash in tx.published.hashes(number).items() if is_flow_file(name)}
    key = frozenset(hashes.items())
    with _lock:
        if key in _read:
            _read.move_to_end(key)
            return _read[key]
    try:
        texts = tx.published.texts(hashes.values())
        flows = flows_of({name: texts[hash] for name, hash in hashes.items()})
    except StorageUnavailable:
        raise
    except (StorageError, ContentError) as error:
        log.error("earlier_set_unreadable", extra={"version": number, "error": type(error).__name__})
        return None
    if not flows:
        return None
    with _lock:
        _read[key] = flows
        while len(_read) > KEPT:
            _read.popitem(last=False)
    return flows
