// The page of a conversation: the composer, its tools, undo. Loaded after console.js, and the page works without both.
// Into the text comes only what the person types, picks from the questions, or inserts from replies and services.
"use strict";
(() => {
  const talk = window.peersupport;
  const { $, body, say, send, csrf, toast, polite, refresh, recall, toEnd } = talk;
  const composer = $("composer"),
    text = $("text");
  if (!composer) return;
  const mode = () => composer.elements.mode.value;
  talk.problem = (words) => {
    $("problem").textContent = words;
  };
  let draftTimer = null,
    keptText = `${mode()}\n${text.value}`,
    busy = false,
    back = null; // what was held back while words were on their way to the server

  // An empty box says what would become of the words in it.
  const empty = text.placeholder;
  function placeholder() {
    text.placeholder = mode() === "note" ? text.dataset.note : empty;
  }

  // The draft is kept on the server, and the box is emptied only when the server has the words.
  function count() {
    const parts = Math.ceil(text.value.length / 1900);
    $("count").textContent =
      `${text.value.length} / 2000` + (parts > 1 && mode() === "reply" ? ` · ${say("split", { n: parts })}` : "");
  }
  async function keepDraft() {
    const now = `${mode()}\n${text.value}`;
    if (now === keptText || busy) return;
    try {
      const answer = await send(composer.dataset.draft, { text: text.value, mode: mode(), seen: $("seen").value });
      if (!answer.ok) throw new Error(String(answer.status));
      keptText = now;
      $("draft-state").textContent = text.value ? say("kept") : "";
    } catch {
      $("draft-state").textContent = say("not_kept");
    }
  }
  function changed() {
    count();
    clearTimeout(draftTimer);
    $("draft-state").textContent = text.value ? say("saving") : "";
    draftTimer = setTimeout(keepDraft, 700);
  }
  async function write(event) {
    event.preventDefault();
    if (busy) return;
    const words = text.value;
    if (!words.trim()) {
      text.focus();
      return;
    }
    busy = true;
    clearTimeout(draftTimer);
    text.readOnly = true;
    $("send").setAttribute("aria-disabled", "true");
    $("draft-state").textContent = say("sending");
    talk.problem("");
    try {
      const sure = $("confirmed").checked ? { confirmed: "1" } : {};
      const answer = await send(composer.action, { text: words, mode: mode(), seen: $("seen").value, ...sure }, true);
      if (answer.status === 200) {
        text.value = "";
        $("confirmed").checked = false;
        keptText = `${mode()}\n`;
        toEnd();
      } else if (answer.status === 409) {
        const refused = await answer.json();
        talk.problem(refused.words);
        if (refused.problem === "unsafe") $("confirm-unsafe").hidden = false;
      } else if (answer.status === 401) talk.problem(say("signed_out"));
      else throw new Error(String(answer.status));
      $("draft-state").textContent = "";
    } catch {
      talk.problem(say("not_sent"));
      $("draft-state").textContent = say("not_kept");
    }
    busy = false;
    text.readOnly = false;
    $("send").removeAttribute("aria-disabled");
    text.focus();
    count();
    if (back) talk.heldBack(back);
    refresh().then(toEnd);
  }

  // "..." to the student: now and then while a reply is typed, never for a note.
  let typedAt = -1e9;
  function typing() {
    if (!composer.dataset.typing || mode() !== "reply" || !text.value.trim()) return;
    if (performance.now() - typedAt < 12000) return;
    typedAt = performance.now();
    send(composer.dataset.typing, {}).catch(() => {});
  }

  // After PAUSE what had not gone stands in the kept draft again, with what was begun; so it does here.
  talk.heldBack = ({ mode: wanted, text: kept }) => {
    const begun = keptText.slice(keptText.indexOf("\n") + 1),
      own = text.value;
    back = busy ? { mode: wanted, text: kept } : null;
    if (busy || kept === own) return;
    const note = begun.trimEnd();
    let alone = kept; // without what was begun: before a reply, behind a note
    if (wanted === "reply" && kept.endsWith(begun)) alone = kept.slice(0, kept.length - begun.length);
    else if (wanted !== "reply" && kept.startsWith(note)) alone = kept.slice(note.length);
    text.value = own === begun ? kept : own.trim() ? `${alone.trim()}\n${own}` : kept;
    const radio = $(`mode-${wanted}`);
    if (radio && own === begun) radio.checked = true;
    $("confirm-unsafe").hidden = false;
    placeholder();
    changed();
    toast(say("taken_back"));
  };

  // Undo: the button in the thread, or Ctrl+Z while the composer is empty.
  async function takeBack(button) {
    const answer = await send(button.getAttribute("formaction"), { text: text.value, mode: mode() }, true);
    if (answer.status === 200) {
      const back = await answer.json();
      compose(back.mode);
      text.value = back.text;
      keptText = `${back.mode}\n${back.text}`;
      count();
      toast(say("taken_back"));
    } else toast(say("late"));
    refresh();
    text.focus();
  }
  talk.undo = () => {
    const button = [...document.querySelectorAll("[data-undo]")].pop();
    if (!button || text.value || document.querySelector("dialog[open]")) return false;
    takeBack(button).catch(() => toast(say("not_sent")));
    return true;
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-undo], [data-now]");
    if (!button) return;
    event.preventDefault();
    const deed = "undo" in button.dataset ? takeBack(button) : send(button.getAttribute("formaction"), {}, true).then(() => refresh());
    deed.catch(() => toast(say("not_sent")));
  });

  // Putting sentences in: where the cursor was last, as a line of its own where there is more.
  let cursor = null;
  text.addEventListener("blur", () => {
    cursor = [text.selectionStart, text.selectionEnd];
  });
  function compose(wanted) {
    const radio = $(`mode-${wanted}`);
    if (!radio) return;
    radio.checked = true;
    placeholder();
    text.focus();
    count();
  }
  talk.compose = compose;
  talk.put = async (sentence) => {
    const [from, to] = cursor && cursor[1] <= text.value.length ? cursor : [text.value.length, text.value.length];
    compose("reply");
    const before = text.value.slice(0, from).trimEnd(),
      after = text.value.slice(to).trimStart();
    const start = before ? `${before}\n${sentence}` : sentence;
    text.value = after ? `${start}\n${after}` : start;
    text.setSelectionRange(start.length, start.length);
    cursor = [start.length, start.length];
    changed();
    polite(say("put"));
    if (text.offsetParent) return text.focus();
    clearTimeout(draftTimer);
    await keepDraft();
    location.assign(`/console/c/${body.dataset.c}#text`);
  };

  // Replies, services and the closing form: the page of each, in a sheet over this one.
  const sheet = $("dialog-tool");
  async function openTool(address) {
    const answer = await fetch(address, { redirect: "manual" });
    if (!answer.ok) return location.assign(address);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const tool = page.getElementById("tool");
    if (!tool) return location.assign(address);
    sheet.replaceChildren(...tool.childNodes);
    sheet.dataset.address = address.split("?")[0];
    if (!sheet.open) sheet.showModal();
    sheet.querySelector("#tool-q, [autofocus]")?.focus();
  }
  if (sheet) {
    document.addEventListener("click", (event) => {
      const link = event.target.closest("[data-tool]");
      if (!link || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      openTool(link.href).catch(() => location.assign(link.href));
    });
    sheet.addEventListener("input", (event) => {
      if (event.target.id === "tool-q") {
        const wanted = event.target.value.trim().toLowerCase();
        for (const item of sheet.querySelectorAll("[data-find]")) item.hidden = !item.dataset.find.includes(wanted);
        return;
      }
      blanks(event.target.form);
    });
    sheet.addEventListener("change", (event) => {
      if (event.target.id === "tool-in") openTool(`${sheet.dataset.address}?in=${event.target.value}`).catch(() => {});
    });
    sheet.addEventListener("toggle", (event) => event.target.open && blanks(event.target.querySelector("form")), true);
    sheet.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.target.id !== "tool-q") return;
      event.preventDefault();
      const first = sheet.querySelector("[data-find]:not([hidden]) summary, [data-find]:not([hidden]) button");
      first?.focus();
    });
    sheet.addEventListener("submit", (event) => {
      if (event.target.matches(".tool-search")) event.preventDefault();
      if (!event.target.matches("[data-puts]")) return;
      event.preventDefault();
      insert(event.target).catch(() => toast(say("not_sent")));
    });
  }
  function blanks(form) {
    const inputs = [...(form?.querySelectorAll("input[name^=blank-]") || [])];
    if (!inputs.length) return;
    for (const input of inputs) {
      const mark = form.querySelector(`[data-blank="${input.name.slice(6)}"]`);
      mark.dataset.label ??= mark.textContent;
      mark.textContent = input.value.trim() || mark.dataset.label;
      mark.classList.toggle("filled", Boolean(input.value.trim()));
    }
    const left = inputs.filter((input) => !input.value.trim()).length;
    form.querySelector(".blanks-left").textContent = left ? say("left", { n: left }) : "";
    form.querySelector("button").disabled = left > 0;
  }
  async function insert(form) {
    const answer = await send(composer.dataset.insert, Object.fromEntries(new FormData(form)), true);
    if (!answer.ok) throw new Error(String(answer.status));
    const { words } = await answer.json();
    sheet.close();
    await talk.put(words);
  }
  talk.help = () => {
    const help = $("help");
    if (!help?.offsetParent) return location.assign(`/console/c/${body.dataset.c}/details#help`);
    help.scrollIntoView();
    help.querySelector("a, button")?.focus();
  };
  document.addEventListener("click", (event) => {
    if (!event.target.closest(".help-link") || !$("help")?.offsetParent) return;
    event.preventDefault();
    talk.help();
  });

  const touch = matchMedia("(pointer: coarse)").matches;
  text.addEventListener("input", () => {
    changed();
    typing();
  });
  for (const radio of composer.querySelectorAll("[name=mode]"))
    radio.addEventListener("change", () => {
      placeholder();
      changed();
      text.focus();
    });
  composer.addEventListener("submit", write);
  text.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      text.blur();
      keepDraft();
    }
    if (event.key !== "Enter" || event.isComposing) return;
    const sends = !event.shiftKey && !touch && recall("peersupport.enter") !== "off";
    if (event.ctrlKey || event.metaKey || sends) {
      event.preventDefault();
      composer.requestSubmit();
    }
  });
  addEventListener("pagehide", () => {
    const now = `${mode()}\n${text.value}`;
    if (now !== keptText && !busy)
      fetch(composer.dataset.draft, {
        method: "POST",
        keepalive: true,
        headers: { "X-CSRFToken": csrf },
        body: new URLSearchParams({ text: text.value, mode: mode(), seen: $("seen").value }),
      });
  });
  placeholder();
  count();
  toEnd();
})();
