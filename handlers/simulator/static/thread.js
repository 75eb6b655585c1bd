// One student's thread: drawn message by message, so that only what is new is read aloud.
import { byId, element, icon, post, reactions, words } from "./api.js";
import { clockTime, dayAndTime, localDate } from "./clock.js";

const scroll = byId("scroll");
const list = byId("thread");
const offered = byId("offered");
const typing = byId("typing");
const below = byId("below");
const ICONS = { like: "thumb", image: "image", audio: "voice" };
const PAUSE_MS = 15 * 60 * 1000; // a time is shown after a silence as long as this
const TYPING_MS = 20000; // Messenger shows the dots no longer

let thread = null;
let drawn = new Map(); // mid to {element, key}
let chosen = null; // mid whose choices are open
let typingSeen = { number: 0, at: 0 };
let stuck = true; // the end of the thread is in view, and stays there
let startEdit = () => {};

const act = (name, data = {}) => post(`acts/${name}`, { psid: thread.psid, ...data });

function when(message, before) {
  const sameDay = before && localDate(before.at) === localDate(message.at);
  if (sameDay && message.at - before.at < PAUSE_MS && message.at >= before.at) return "";
  return sameDay ? clockTime(message.at) : dayAndTime(message.at);
}

function bubble(message) {
  const who = element("span", { class: "visually-hidden" }, `${message.by === "page" ? words.page : words.you}: `);
  if (message.withdrawn) return element("div", { class: "bubble gone" }, who, words.withdrawn);
  const made = element("div", { class: "bubble" }, who);
  for (const kind of message.attachments.filter((each) => each !== "template" || !message.text)) {
    made.append(element("span", { class: "thing" }, icon(ICONS[kind] || "file"), words.attached[kind] || kind));
  }
  if (message.text) made.append(message.text);
  const buttons = message.buttons.filter((button) => button.type === "postback");
  if (buttons.length) {
    made.append(
      element(
        "div",
        { class: "bubble-buttons" },
        ...buttons.map((button) =>
          element(
            "button",
            {
              type: "button",
              onclick: () => act("press", { text: button.title, payload: button.payload }),
            },
            button.title,
          ),
        ),
      ),
    );
  }
  return made;
}

function choices(message) {
  const pick = (work) => () => {
    chosen = null;
    work();
    draw(thread);
  };
  const made = element("div", { class: "choices", role: "group", "aria-label": words.on_message });
  for (const emoji of reactions) {
    const on = message.reaction === emoji;
    made.append(
      element(
        "button",
        {
          type: "button",
          class: "emoji",
          "aria-pressed": String(on),
          "aria-label": `${on ? words.unreact : words.react} ${emoji}`,
          onclick: pick(() => act("react", { mid: message.mid, emoji: on ? null : emoji })),
        },
        emoji,
      ),
    );
  }
  if (message.by === "student") {
    if (message.text && !message.attachments.length && message.edits < 5) {
      made.append(element("button", { type: "button", onclick: pick(() => startEdit(message)) }, words.edit));
    }
    made.append(
      element("button", { type: "button", onclick: pick(() => act("unsend", { mid: message.mid })) }, words.unsend),
      element("p", {}, words.unsend_why),
    );
  }
  return made;
}

function toggle(mid) {
  chosen = chosen === mid ? null : mid;
  draw(thread);
  const open = list.querySelector(".choices");
  if (open) {
    open.closest(".row").scrollIntoView({ block: "nearest" });
    open.querySelector("button").focus({ preventScroll: true });
  }
}

function row(message, before, isLastOwn) {
  const meta = element("div", { class: "meta" });
  const add = (text) => meta.append(element("span", {}, text));
  if (message.inbox) add(words.from_inbox);
  if (message.edits && !message.withdrawn) add(words.edited);
  for (const sign of [message.reaction, message.page_reaction]) if (sign) add(sign);
  if (isLastOwn) add(words.marks[message.mark]);
  const made = element("div", { class: `row ${message.by}${message.inbox ? " inbox" : ""}` });
  const time = when(message, before);
  if (time) made.append(element("p", { class: "when" }, time));
  const line = element("div", { class: "line" }, bubble(message));
  made.append(line);
  if (!message.withdrawn) {
    line.append(
      element(
        "button",
        {
          type: "button",
          class: "on",
          "aria-label": words.on_message,
          "aria-expanded": String(chosen === message.mid),
          onclick: () => toggle(message.mid),
        },
        icon("dots"),
      ),
    );
  }
  made.append(meta);
  if (chosen === message.mid && !message.withdrawn) made.append(choices(message));
  return made;
}

function drawOffered() {
  const key = JSON.stringify([thread.psid, thread.messages.at(-1)?.mid, thread.offered]);
  if (offered.dataset.key === key) return;
  offered.dataset.key = key;
  offered.replaceChildren(
    ...thread.offered.map((reply) =>
      element(
        "button",
        {
          type: "button",
          onclick: () => {
            scroll.focus({ preventScroll: true });
            offered.replaceChildren();
            act("tap", { payload: reply.payload });
          },
        },
        reply.title,
      ),
    ),
  );
}

function drawTyping() {
  if (thread.typing && thread.typing !== typingSeen.number) {
    typingSeen = { number: thread.typing, at: Date.now() };
    setTimeout(() => thread && drawTyping(), TYPING_MS + 50);
  }
  typing.hidden = !thread.typing || Date.now() - typingSeen.at > TYPING_MS;
}

const isAtEnd = () => scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 60;
const toEnd = () => {
  scroll.scrollTop = scroll.scrollHeight;
  below.hidden = true;
  stuck = true;
};

export function draw(next) {
  const isOther = thread?.psid !== next.psid;
  if (isOther) {
    drawn = new Map();
    list.replaceChildren();
    chosen = null;
    typingSeen = { number: 0, at: 0 };
  }
  const wasAtEnd = isOther || stuck;
  const count = isOther ? 0 : thread.messages.length;
  thread = next;
  const lastOwn = thread.messages.findLast((message) => message.by === "student");
  thread.messages.forEach((message, index) => {
    const before = thread.messages[index - 1];
    const isLastOwn = message === lastOwn;
    const key = JSON.stringify([message, isLastOwn, chosen === message.mid, before?.at]);
    const old = drawn.get(message.mid);
    if (old?.key === key) return;
    const made = row(message, before, isLastOwn);
    if (old) old.element.replaceWith(made);
    else list.append(made);
    drawn.set(message.mid, { element: made, key });
  });
  drawTyping();
  drawOffered();
  const isNew = thread.messages.length > count;
  if (wasAtEnd || (isNew && thread.messages.at(-1).by === "student")) toEnd();
  else if (isNew) below.hidden = false;
  if (thread.unseen && document.visibilityState === "visible" && isAtEnd() && scroll.clientHeight) act("read");
}

export function startThread(editing) {
  startEdit = editing;
  below.addEventListener("click", toEnd);
  scroll.addEventListener("scroll", () => {
    stuck = isAtEnd();
    if (stuck) below.hidden = true;
  });
  new ResizeObserver(() => {
    if (stuck) toEnd();
  }).observe(scroll);
}

export { act };
