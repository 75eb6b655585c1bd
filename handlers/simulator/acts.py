"""What students do in Messenger, and what people do in Meta's own inbox. Each act causes its webhooks.

Every act takes the PSID first. Acts that Messenger would not allow raise `Refused`.
"""

from __future__ import annotations

import random
from typing import Any

from handlers.simulator.records import Happening, Message, Thread
from handlers.simulator.state import Refused, State
from handlers.simulator.webhooks import (
    INBOX_APP,
    REACTIONS,
    attachment,
    from_page,
    from_student,
    number,
    reaction_name,
)

Json = dict[str, Any]

EDITS = 5  # as many as the client allows


class Acts(State):
    """The people's side of the stand-in."""

    # --- students

    def new_student(self, psid: str | None = None) -> str:
        """Somebody new finds the Page; nothing is sent yet. Returns the PSID."""
        with self._change():
            psid = psid or str(random.randint(10**15, 10**16 - 1))
            if psid in self.threads:
                raise Refused("this student exists already")
            self.threads[psid] = Thread(psid=psid, number=len(self.threads) + 1)
            return psid

    def write(self, psid: str, text: str, *, reply_to: str | None = None) -> str:
        """The student writes; returns the mid."""
        if not text.strip():
            raise Refused("an empty message cannot be sent")
        parts: Json = {"text": text}
        if reply_to:
            parts["reply_to"] = {"mid": reply_to}
        return self._say(psid, Message(mid="", by="student", at=0, text=text, reply_to=reply_to), parts)

    def tap(self, psid: str, choice: int | str, *, title: str | None = None) -> str:
        """The student taps a quick reply: by place (0 is the first), payload or title; returns the mid.

        Only those under the last message can be tapped, unless `title` says what stood on a button that is
        no longer there (a tap on its way while the next message came).
        """
        told = {"title": title, "payload": str(choice)}
        reply = self._offered(psid, choice) if title is None else told
        parts = {"text": reply["title"], "quick_reply": {"payload": reply["payload"]}}
        return self._say(psid, Message(mid="", by="student", at=0, text=reply["title"]), parts)

    def _offered(self, psid: str, choice: int | str) -> Json:
        offered = self.thread(psid).offered
        if isinstance(choice, int):
            if not 0 <= choice < len(offered):
                raise Refused("there is no such button")
            return offered[choice]
        for key in ("payload", "title"):
            for reply in offered:
                if reply[key] == choice:
                    return reply
        raise Refused("there is no such button")

    def get_started(self, psid: str, *, ref: str | None = None, title: str = "Get Started") -> str:
        """The student taps Get started; its payload is that of the Messenger profile."""
        payload = self.profile.get("get_started", {}).get("payload", "GET_STARTED")
        referral = {"ref": ref, "source": "SHORTLINK", "type": "OPEN_THREAD"} if ref else None
        return self.press(psid, title, payload, referral=referral)

    def press(self, psid: str, title: str, payload: str, *, referral: Json | None = None) -> str:
        """The student taps a menu item or a template's button: a postback. Returns its mid."""
        with self._change() as out:
            thread = self.thread(psid)
            mid, at = self._mid(), self._wrote(thread)
            thread.messages.append(Message(mid=mid, by="student", at=at, text=title))
            postback: Json = {"title": title, "mid": mid}
            if self.owner(thread) in (None, self.app_id):
                postback["payload"] = payload  # an app that only overhears is not told
            if referral:
                postback["referral"] = referral
            item = from_student(self.page_id, psid, at, postback=postback)
            out.append(self._happening("messaging_postbacks", item, thread, mid))
            return mid

    def send_like(self, psid: str) -> str:
        """The student sends the thumbs-up."""
        return self._attach(psid, "like")

    def send_image(self, psid: str, *, caption: str | None = None) -> str:
        """The student sends a picture; there is none, only the event."""
        return self._attach(psid, "image", caption)

    def send_voice(self, psid: str) -> str:
        """The student sends a voice message; there is none, only the event."""
        return self._attach(psid, "audio")

    def edit(self, psid: str, mid: str, text: str) -> int:
        """The student changes an earlier message; returns the number of the edit."""
        if not text.strip():
            raise Refused("an empty message cannot be sent")
        with self._change() as out:
            thread = self.thread(psid)
            message = self._own(thread, mid)
            if message.text is None or message.edits >= EDITS:
                raise Refused("this message cannot be changed any more")
            message.text, message.edits = text, message.edits + 1
            change = {"mid": mid, "text": text, "num_edit": message.edits}
            item = from_student(self.page_id, psid, self._stamp(), message_edit=change)
            out.append(self._happening("message_edits", item, thread))
            return message.edits

    def unsend(self, psid: str, mid: str) -> None:
        """The student takes a message back. Hypothetical: Messenger documents no such event."""
        with self._change() as out:
            thread = self.thread(psid)
            message = self._own(thread, mid)
            message.withdrawn, message.text, message.attachments = True, None, []
            item = from_student(self.page_id, psid, self._stamp(), message={"mid": mid, "is_deleted": True})
            out.append(self._happening("messages", item, thread))

    def react(self, psid: str, mid: str, emoji: str | None) -> None:
        """The student puts a reaction (an emoji, or Meta's name for one) on a message; None takes it off."""
        with self._change() as out:
            thread = self.thread(psid)
            message = self._message(thread, mid)
            sign = REACTIONS.get(emoji, emoji) if emoji else None
            told = sign or message.reaction
            if told is None:
                raise Refused("there is no reaction to take off")
            message.reaction = sign
            at = self._stamp()
            if sign:
                thread.opened_at = at  # a reaction opens the 24 hours
            reaction = {
                "reaction": reaction_name(told),
                "emoji": told,
                "action": "react" if sign else "unreact",
                "mid": mid,
            }
            item = from_student(self.page_id, psid, at, reaction=reaction)
            out.append(self._happening("message_reactions", item, thread))

    def read(self, psid: str) -> None:
        """The student sees everything there is. Does nothing when there is nothing new."""
        if not any(each.by == "page" and not each.seen for each in self.thread(psid).messages):
            return
        with self._change() as out:
            thread = self.thread(psid)
            at = max([self._stamp(), *(each.at for each in thread.messages)])
            for message in thread.messages:
                message.seen = message.seen or message.by == "page"
            item = from_student(self.page_id, psid, at, read={"watermark": at})
            out.append(self._happening("message_reads", item, thread))

    def referral(self, psid: str, ref: str, *, source: str | None = None) -> None:
        """The student comes back through an m.me link. Meta leaves `source` out for Europeans."""
        with self._change() as out:
            thread = self.thread(psid)
            at = self._stamp()
            thread.opened_at = at
            referral = {"ref": ref, "type": "OPEN_THREAD"} | ({"source": source} if source else {})
            item = from_student(self.page_id, psid, at, referral=referral)
            out.append(self._happening("messaging_referrals", item, thread))

    def block(self, psid: str, blocked: bool = True) -> None:
        """The student blocks the Page, or lifts it. The app is not told; its sends fail with 551."""
        with self._change():
            self.thread(psid).blocked = blocked

    def _own(self, thread: Thread, mid: str) -> Message:
        message = self._message(thread, mid)
        if message.by != "student":
            raise Refused("this is not the student's message")
        return message

    def _wrote(self, thread: Thread) -> int:
        """The student did something that opens the window; returns when."""
        at = self._stamp()
        if thread.blocked:
            raise Refused("whoever has blocked the Page cannot write to it")
        if self.default_app and self.owner(thread) is None:
            thread.owner = self.app_id  # the default app gets whatever is idle
        thread.opened_at = thread.wrote_at = at
        return at

    def _say(self, psid: str, message: Message, parts: Json) -> str:
        with self._change() as out:
            thread = self.thread(psid)
            message.mid, message.at = self._mid(), self._wrote(thread)
            thread.messages.append(message)
            item = from_student(self.page_id, psid, message.at, message={"mid": message.mid, **parts})
            out.append(self._happening("messages", item, thread, message.mid))
            return message.mid

    def _attach(self, psid: str, kind: str, caption: str | None = None) -> str:
        with self._change() as out:
            thread = self.thread(psid)
            mid, at = self._mid(), self._wrote(thread)
            thread.messages.append(Message(mid=mid, by="student", at=at, text=caption, attachments=[kind]))
            told: Json = {"mid": mid, "attachments": [attachment(kind, mid)]}
            if caption:
                told["text"] = caption
            item = from_student(self.page_id, psid, at, message=told)
            out.append(self._happening("messages", item, thread, mid))
            return mid

    # --- Meta's own inbox

    def inbox_answer(self, psid: str, text: str, *, takes_control: bool | None = None) -> str:
        """Somebody answers in Meta's inbox, which takes control where a default app is set."""
        if not text.strip():
            raise Refused("an empty message cannot be sent")
        takes = self.default_app if takes_control is None else takes_control
        with self._change() as out:
            thread = self.thread(psid)
            if takes:
                self._inbox_takes(thread, out)
            mid, at = self._mid(), self._stamp()
            thread.messages.append(Message(mid=mid, by="page", at=at, text=text, app_id=INBOX_APP))
            thread.is_typing = False
            out.append(self._echo(thread, thread.messages[-1]))
            return mid

    def inbox_take(self, psid: str) -> None:
        """Somebody moves the thread to Main in Meta's inbox."""
        with self._change() as out:
            self._inbox_takes(self.thread(psid), out)

    def inbox_pass(self, psid: str) -> None:
        """Somebody gives the thread back to our app."""
        with self._change() as out:
            thread = self.thread(psid)
            previous, thread.owner, thread.requested_by = self.owner(thread), self.app_id, None
            told = {
                "previous_owner_app_id": number(previous) if previous else None,
                "new_owner_app_id": number(self.app_id),
                "metadata": "",
            }
            item = from_student(self.page_id, psid, self._stamp(), pass_thread_control=told)
            out.append(self._happening("messaging_handovers", item, thread))

    def _inbox_takes(self, thread: Thread, out: list[Happening]) -> None:
        previous = self.owner(thread)
        if previous == INBOX_APP:
            return
        thread.owner, thread.requested_by = INBOX_APP, None
        told = {
            "previous_owner_app_id": number(previous) if previous else None,
            "new_owner_app_id": number(INBOX_APP),
            "metadata": "",
        }
        item = from_student(self.page_id, thread.psid, self._stamp(), take_thread_control=told)
        out.append(self._happening("messaging_handovers", item, thread))

    def _echo(self, thread: Thread, message: Message) -> Happening:
        told: Json = {"mid": message.mid, "is_echo": True, "app_id": number(message.app_id or self.app_id)}
        if message.text is not None:
            told["text"] = message.text
        if message.metadata is not None:
            told["metadata"] = message.metadata
        if message.attachments:
            told["attachments"] = [{"type": kind, "payload": {}} for kind in message.attachments]
        item = from_page(self.page_id, thread.psid, message.at, message=told)
        return self._happening("message_echoes", item, thread)

    # --- Meta itself

    def enforce_policy(self, action: str, reason: str | None = None) -> None:
        """Meta warns, blocks or unblocks the Page."""
        with self._change() as out:
            told = {"action": action} | ({"reason": reason} if reason else {})
            item = {
                "recipient": {"id": self.page_id},
                "timestamp": self._stamp(),
                "policy_enforcement": told,
            }
            out.append(
                Happening(
                    id=self._mid(),
                    page_id=self.page_id,
                    field="messaging_policy_enforcement",
                    item=item,
                )
            )

    def lose_subscription(self) -> None:
        """Meta unsubscribes the app from the Page, as it does after an hour of failed deliveries.

        What happens from now on is told to nobody; what is waiting to be delivered still comes.
        """
        with self._change():
            self.subscribed_fields = []
