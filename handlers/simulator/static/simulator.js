// The demo page: students on one side, the console on the other, switches above.
import { byId, element, language, post, root, say, state, words } from "./api.js";
import { setClock, startClock } from "./clock.js";
import { act, draw, startThread } from "./thread.js";

const composer = byId("composer");
const text = byId("text");
const writingAs = byId("writing-as");
const main = document.querySelector("main");
let student = Number(sessionStorage.getItem("student")) || null;
let current = null;
let version = null;
let asking = new AbortController();
let writing = { as: "student", mid: null }; // or "inbox", or "edit" with the message's mid

// --- what the server says

function drawStudents() {
  const tabs = byId("students");
  const key = JSON.stringify([current.students, current.thread?.number]);
  if (tabs.dataset.key === key) return;
  tabs.dataset.key = key;
  const hadFocus = tabs.contains(document.activeElement);
  tabs.replaceChildren(
    ...current.students.map(({ number }) =>
      element(
        "button",
        {
          type: "button",
          "aria-pressed": String(number === current.thread.number),
          onclick: () => choose(number),
        },
        `${words.student} ${number}`,
      ),
    ),
  );
  const pressed = tabs.querySelector("[aria-pressed=true]");
  pressed?.scrollIntoView({ block: "nearest", inline: "nearest" });
  if (hadFocus) pressed?.focus();
}

function inLanguage(entries) {
  const locale = language === "en" ? "en_" : "nb_";
  return entries?.find((each) => each.locale.startsWith(locale)) || entries?.find((each) => each.locale === "default");
}

function drawGreeting() {
  const greeting = byId("greeting");
  greeting.hidden = Boolean(current.thread?.messages.length);
  const sentence = inLanguage(current.profile.greeting)?.text || (current.thread ? "" : words.nobody);
  if (greeting.dataset.key === sentence) return;
  greeting.dataset.key = sentence;
  greeting.replaceChildren(
    ...(sentence ? [element("p", {}, sentence)] : []),
    element("button", { type: "button", onclick: () => act("get_started", { text: words.start }) }, words.start),
  );
}

function drawMenu() {
  const items = inLanguage(current.profile.persistent_menu)?.call_to_actions || [];
  const menu = byId("menu");
  const key = JSON.stringify(items);
  if (menu.dataset.key === key) return;
  menu.dataset.key = key;
  byId("menu-title").hidden = !items.length;
  menu.replaceChildren(
    ...items.map((item) =>
      item.type === "web_url"
        ? element("a", { class: "plain", href: item.url, target: "_blank", rel: "noopener noreferrer" }, item.title)
        : element(
            "button",
            {
              type: "button",
              onclick: () => {
                shut();
                act("press", { text: item.title, payload: item.payload });
              },
            },
            item.title,
          ),
    ),
  );
}

function drawOwner() {
  const line = byId("owner");
  const { thread } = current;
  const sentences = [];
  if (thread?.blocked) sentences.push(words.blocked);
  if (thread?.owner === "inbox") sentences.push(words.owner_inbox);
  if (thread?.requested) sentences.push(words.requested);
  line.hidden = !sentences.length;
  if (line.textContent !== sentences.join(" ")) line.textContent = sentences.join(" ");
  byId("block").textContent = thread?.blocked ? words.unblock : words.block;
}

function drawSwitches() {
  const { mode, left } = current.failure;
  for (const [id, value] of [
    ["mode", left ? `${mode} 1` : mode],
    ["delivery", current.delivery],
  ]) {
    const select = byId(id);
    if (document.activeElement !== select || select.value !== value) select.value = value;
  }
  const held = byId("held");
  held.hidden = current.delivery !== "held" || !current.waiting;
  held.textContent = words.held.replace("{n}", current.waiting);
  byId("unsubscribed").hidden = current.subscribed;
}

function drawStaff() {
  for (const button of byId("staff").children) {
    const isOn = Number(button.dataset.n) === current.signed_in;
    button.setAttribute("aria-pressed", String(isOn));
    if (isOn) byId("own-tab").href = button.dataset.path;
  }
}

function show(next) {
  current = next;
  version = next.version;
  setClock(next.clock.ms);
  drawStudents();
  drawOwner();
  drawGreeting();
  drawMenu();
  drawSwitches();
  drawStaff();
  if (next.thread) draw(next.thread);
}

async function follow() {
  for (;;) {
    const mine = asking;
    try {
      const next = await state(student, version, mine.signal);
      if (!mine.signal.aborted) {
        if (byId("trouble").textContent === words.lost) say("");
        show(next);
      }
    } catch {
      if (mine.signal.aborted) continue;
      say(words.lost);
      await new Promise((done) => setTimeout(done, 2000));
      version = null;
    }
  }
}

function choose(number) {
  student = number;
  sessionStorage.setItem("student", number);
  stopOther();
  version = null;
  asking.abort();
  asking = new AbortController();
}

// --- what people do

function shut() {
  for (const id of ["more", "add"]) {
    byId(id).setAttribute("aria-expanded", "false");
    byId(`${id}-panel`).hidden = true;
  }
}

function opens(id) {
  const button = byId(id);
  button.addEventListener("click", () => {
    const isOpen = button.getAttribute("aria-expanded") === "true";
    shut();
    button.setAttribute("aria-expanded", String(!isOpen));
    byId(`${id}-panel`).hidden = isOpen;
  });
}

function write(as, mid, label, value) {
  writing = { as, mid };
  shut();
  composer.classList.toggle("other", as !== "student");
  writingAs.hidden = as === "student";
  writingAs.querySelector("span").textContent = label;
  text.setAttribute("aria-label", label || words.message);
  text.placeholder = label || words.message;
  text.value = value;
}

function stopOther() {
  if (writing.as !== "student") write("student", null, "", "");
}

async function send() {
  const value = text.value.trim();
  if (!value || !current?.thread) return;
  const acts = { student: "write", inbox: "inbox_answer", edit: "edit" };
  const done = await act(acts[writing.as], { text: value, mid: writing.mid });
  if (!done) return; // the words stay in the box
  text.value = "";
  stopOther();
  text.focus();
}

function startComposer() {
  composer.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  text.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      stopOther();
      return;
    }
    const sends = event.key === "Enter" && !event.shiftKey && !event.isComposing;
    if (sends && (event.ctrlKey || matchMedia("(pointer: fine)").matches)) {
      event.preventDefault();
      send();
    }
  });
  byId("cancel").addEventListener("click", () => {
    stopOther();
    text.focus();
  });
  for (const panel of [byId("more-panel"), byId("add-panel")]) {
    panel.addEventListener("click", (event) => {
      const name = event.target.closest("[data-act]")?.dataset.act;
      if (!name) return;
      shut();
      if (name === "inbox-write") {
        write("inbox", null, words.inbox_message, "");
        text.focus();
      } else act(name, name === "block" ? { blocked: !current.thread.blocked } : {});
    });
  }
}

// Downloads what the shown student has played, as a rehearsal.
function startSaving() {
  byId("save-rehearsal")?.addEventListener("click", async () => {
    shut();
    if (!current?.thread) return;
    const name = `student-${current.thread.number}.yaml`;
    const answer = await fetch(`${root}/rehearsal/${current.thread.number}`).catch(() => null);
    if (!answer?.ok) {
      say(answer ? words.nothing_played : words.lost, 5000);
      return;
    }
    const link = element("a", { href: URL.createObjectURL(await answer.blob()), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
}

function startSwitches() {
  byId("mode").addEventListener("change", () => {
    const [mode, calls] = byId("mode").value.split(" ");
    post("failure", { mode, calls: Number(calls) || null });
  });
  byId("delivery").addEventListener("change", () => post("delivery", { how: byId("delivery").value }));
  byId("measures").addEventListener("click", (event) => {
    const { measure } = event.target.dataset;
    if (measure) post("measures", { measure });
  });
  byId("new-student").addEventListener("click", async () => {
    const made = await post("students", {});
    if (made) choose(made.student);
  });
}

function startConsole() {
  const frame = byId("frame");
  byId("staff").addEventListener("click", (event) => {
    const { src } = event.target.dataset;
    if (src) frame.src = src;
  });
  state(student, null).then(
    (first) => {
      const button = byId("staff").children[first.signed_in] || byId("staff").children[0];
      if (button) frame.src = button.dataset.src;
    },
    () => {},
  );
}

function startViews() {
  const buttons = [...document.querySelectorAll("[data-view]")].filter((each) => each !== main);
  const look = (view) => {
    main.dataset.view = view;
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.view === view));
    sessionStorage.setItem("view", view);
    if (current?.thread) draw(current.thread);
  };
  for (const button of buttons) button.addEventListener("click", () => look(button.dataset.view));
  look(sessionStorage.getItem("view") || "student");
  if (matchMedia("(max-width: 899px)").matches) document.querySelector(".switches").open = false;
  matchMedia("(max-width: 899px)").addEventListener("change", (change) => {
    document.querySelector(".switches").open = !change.matches;
  });
}

opens("more");
opens("add");
startComposer();
startSaving();
startThread((message) => {
  write("edit", message.mid, words.edit_message, message.text);
  text.focus();
});
startSwitches();
startViews();
startClock();
startConsole();
document.addEventListener("visibilitychange", () => {
  if (current?.thread) draw(current.thread);
});
follow();
