// The editor: a code editor instead of the text area, findings at their lines, drawing and chat that follow the text.
// Without it the page does the same by its buttons. Nothing is kept except by Save.
import { Files } from "./schema.js";

const form = document.getElementById("desk");
const area = document.getElementById("source");
const $ = (id) => document.getElementById(id);
const csrf = document.querySelector('meta[name="csrf-token"]').content;
const WAIT = 350; // ms without a key before the text is looked at
let view = null;
let dirty = false;
let cm = null;

// Asking the service.

async function ask(deed, more = {}) {
  const fields = new URLSearchParams(new FormData(form));
  for (const [name, value] of Object.entries({ do: deed, ...more })) fields.set(name, value);
  form.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(form.action, {
      method: "POST",
      headers: { "X-CSRFToken": csrf, Accept: "application/json" },
      body: fields,
    });
    if (answer.status === 409 || answer.status === 413) return { refused: true };
    if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
    return await answer.json();
  } finally {
    form.removeAttribute("aria-busy");
  }
}

// One after the other, so that no turn of the chat is lost; a look that has not begun yet serves for all before it.
let chain = Promise.resolve();
let waiting = false;
function look(deed = "check", more = {}) {
  if (deed === "check") {
    if (waiting) return chain;
    waiting = true;
  }
  chain = chain.then(() => {
    if (deed === "check") waiting = false;
    return show(deed, more);
  });
  return chain;
}

async function show(deed, more) {
  let found;
  try {
    found = await ask(deed, more);
  } catch {
    $("saved").textContent = form.dataset.missed;
    return;
  }
  if (found.text) write(found.text);
  place("findings", found.list);
  if (found.drawing) place("drawing", found.drawing);
  place("chat", found.chat);
  const bubbles = $("bubbles");
  if (bubbles) bubbles.scrollTop = bubbles.scrollHeight;
  if (!found.findings) return;
  mark(found.findings);
  $("count").replaceChildren(...(document.getElementById("count-now")?.content.cloneNode(true).childNodes || []));
  $("count").className = `state state-${found.findings.some((each) => each.level === "error") ? "bad" : "good"}`;
}

function place(id, html) {
  const box = $(id);
  if (!box || html === null || html === undefined) return;
  const held = box.contains(document.activeElement) ? document.activeElement.id : "";
  box.innerHTML = html;
  if (held) $(held)?.focus();
}

async function save() {
  let kept;
  try {
    kept = await ask("save");
  } catch {
    $("saved").textContent = form.dataset.missed;
    return;
  }
  if (kept.refused) {
    dirty = false;
    submitAs("save"); // the page that shows both texts, or says what is too large
    return;
  }
  form.elements.base.value = kept.base;
  form.elements.seen.value = kept.seen;
  $("saved").textContent = kept.saved;
  dirty = false;
}

function submitAs(deed) {
  const field = document.createElement("input");
  field.type = "hidden";
  field.name = "do";
  field.value = deed;
  form.append(field);
  form.submit();
}

// The form's buttons.

form.addEventListener("click", (event) => {
  const line = event.target.closest("[data-line]");
  if (line) {
    event.preventDefault();
    jump(Number(line.dataset.line));
    return;
  }
  const other = event.target.closest("[data-open]");
  if (other) location.assign(other.dataset.open);
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.at) {
    event.preventDefault();
    $("at").value = button.dataset.at;
    look("check");
  } else if (button.dataset.do) {
    event.preventDefault();
    const says = button.dataset.do === "try" && button.name === "do";
    look(button.dataset.do, says ? said() : button.name === "do" ? {} : { [button.name]: button.value });
  } else if (button.id === "save") {
    event.preventDefault();
    save();
  } else if (button.id === "check") {
    event.preventDefault();
    look();
  } else dirty = false; // the page goes away with everything in the form
});
$("again")?.addEventListener("click", (event) => {
  event.preventDefault();
  for (const act of form.querySelectorAll("input[name=act]")) act.remove();
  look();
});
form.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.id === "say") {
    event.preventDefault();
    look("try", said()).then(() => $("say").focus());
  }
  if (event.key === "Enter" && event.target.id === "rehearsal") {
    event.preventDefault();
    dirty = false;
    submitAs("keep");
  }
});
$("at")?.addEventListener("change", () => look());
form.querySelector("[name=duty]")?.addEventListener("change", () => look());
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "s") {
    event.preventDefault();
    save();
  }
});
addEventListener("beforeunload", (event) => {
  if (dirty) event.preventDefault();
});

function said() {
  const words = $("say").value;
  $("say").value = "";
  return { say: words };
}

let timer = 0;
function changed() {
  dirty = true;
  clearTimeout(timer);
  timer = setTimeout(() => look(), WAIT);
}
area.addEventListener("input", changed);

function jump(number) {
  if (view) {
    const line = view.state.doc.line(Math.min(Math.max(1, number), view.state.doc.lines));
    view.dispatch({
      selection: { anchor: line.from },
      effects: cm.EditorView.scrollIntoView(line.from, { y: "center" }),
    });
    view.focus();
    return;
  }
  const before = area.value.split("\n").slice(0, number - 1).join("\n").length;
  area.focus();
  area.setSelectionRange(before + 1, before + 1);
}

function write(text) {
  if (text === area.value) return;
  if (view) view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
  else area.value = text;
}

// The drawing begins with its start in sight.
const drawing = $("drawing");
if (drawing) drawing.scrollLeft = (drawing.scrollWidth - drawing.clientWidth) / 2;

// The code editor.

let setFindings = null;
function mark(findings) {
  if (view) view.dispatch({ effects: setFindings.of(findings) });
}

function findingField() {
  const { Decoration, WidgetType, StateField, EditorView } = cm;
  class Under extends WidgetType {
    constructor(finding) {
      super();
      this.finding = finding;
    }
    eq(other) {
      return other.finding.text === this.finding.text;
    }
    toDOM() {
      const box = document.createElement("div");
      box.className = `cm-finding cm-${this.finding.level}`;
      const words = document.createElement("span");
      words.textContent = this.finding.text;
      box.append(words);
      if (this.finding.swap) {
        const fix = document.createElement("button");
        fix.type = "button";
        fix.textContent = `${form.dataset.fix}: ${this.finding.swap[1]}`;
        fix.addEventListener("click", () =>
          look("fix", { swap: `${this.finding.line}|${this.finding.swap.join("|")}` }),
        );
        box.append(fix);
      }
      return box;
    }
    ignoreEvent() {
      return true;
    }
  }
  return StateField.define({
    create: () => Decoration.none,
    update(old, transaction) {
      for (const effect of transaction.effects) {
        if (!effect.is(setFindings)) continue;
        const made = [];
        for (const finding of effect.value) {
          const line = transaction.state.doc.line(Math.min(Math.max(1, finding.line), transaction.state.doc.lines));
          made.push(Decoration.line({ class: `cm-at-${finding.level}` }).range(line.from));
          made.push(Decoration.widget({ widget: new Under(finding), block: true, side: 1 }).range(line.to));
        }
        return Decoration.set(made, true);
      }
      return old.map(transaction.changes);
    },
    provide: (field) => EditorView.decorations.from(field),
  });
}

const LOOK = {
  "&": { backgroundColor: "var(--surface)", color: "var(--ink)", fontSize: "0.875rem", height: "100%" },
  "&.cm-focused": { outline: "2px solid var(--ink)", outlineOffset: "-2px" },
  ".cm-scroller": { fontFamily: 'ui-monospace, "Cascadia Mono", "DejaVu Sans Mono", monospace', lineHeight: "1.5" },
  ".cm-content": { caretColor: "var(--ink)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  ".cm-gutters": { backgroundColor: "var(--surface)", color: "var(--ink-3)", border: "0" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--sunken)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: "var(--elevated-soft)",
  },
  ".cm-at-error": { backgroundColor: "var(--critical-soft)" },
  ".cm-at-warning": { backgroundColor: "var(--high-soft)" },
  ".cm-finding": {
    display: "flex",
    gap: "8px",
    alignItems: "center",
    justifyContent: "space-between",
    margin: "2px 8px 4px 0",
    padding: "6px 10px",
    border: "1px solid var(--elevated)",
    borderRadius: "10px",
    backgroundColor: "var(--surface)",
    font: "0.8125rem/1.25rem system-ui, sans-serif",
    whiteSpace: "normal",
    maxWidth: "40rem",
  },
  ".cm-error": { borderColor: "var(--critical)" },
  ".cm-error > span::before": { content: '"! "', color: "var(--critical)", fontWeight: "700" },
  ".cm-warning": { borderColor: "var(--high)" },
  ".cm-finding button": {
    font: "inherit",
    fontWeight: "600",
    minHeight: "32px",
    padding: "2px 12px",
    border: "1px solid var(--line-strong)",
    borderRadius: "10px",
    color: "var(--ink)",
    backgroundColor: "var(--surface)",
    cursor: "pointer",
  },
  ".cm-tooltip": {
    backgroundColor: "var(--raised)",
    color: "var(--ink)",
    border: "1px solid var(--line-strong)",
    borderRadius: "10px",
    maxWidth: "24rem",
  },
  ".cm-tooltip-hover": { padding: "6px 10px", font: "0.8125rem/1.25rem system-ui, sans-serif" },
  ".cm-tooltip-autocomplete > ul > li[aria-selected]": {
    backgroundColor: "var(--accent)",
    color: "var(--on-accent)",
  },
};

function colours() {
  const { HighlightStyle, tags } = cm;
  return HighlightStyle.define([
    { tag: [tags.definition(tags.propertyName), tags.propertyName], color: "var(--accent)", fontWeight: "600" },
    { tag: [tags.string, tags.special(tags.string)], color: "var(--high)" },
    { tag: tags.comment, color: "var(--ink-3)" },
    { tag: [tags.bool, tags.null, tags.number, tags.keyword], color: "var(--elevated)" },
  ]);
}

async function begin() {
  cm = await import("./vendor/codemirror/codemirror.js");
  const files = new Files(form, await schema());
  setFindings = cm.StateEffect.define();
  const box = $("code");
  // In a shadow tree the editor's styles are adopted by script, which the page's policy allows.
  const root = box.attachShadow({ mode: "open" });
  view = new cm.EditorView({
    root,
    parent: root,
    state: cm.EditorState.create({
      doc: area.value,
      extensions: [
        cm.lineNumbers(),
        cm.history(),
        cm.drawSelection(),
        cm.highlightActiveLine(),
        cm.highlightActiveLineGutter(),
        cm.yaml(),
        cm.indentUnit.of("  "),
        cm.syntaxHighlighting(colours()),
        cm.autocompletion({ override: [(context) => files.complete(context)], icons: false }),
        cm.hoverTooltip((editor, at) => files.hover(editor, at)),
        cm.keymap.of([...cm.completionKeymap, ...cm.defaultKeymap, ...cm.historyKeymap, cm.indentWithTab]),
        cm.EditorView.lineWrapping,
        findingField(),
        cm.EditorView.theme(LOOK),
        cm.EditorView.contentAttributes.of({ "aria-label": form.dataset.label, spellcheck: "false", tabindex: "0" }),
        cm.EditorView.updateListener.of((update) => {
          if (!update.docChanged) return;
          area.value = update.state.doc.toString();
          changed();
        }),
      ],
    }),
  });
  area.hidden = true;
  form.querySelector("label[for=source]").hidden = true;
  box.hidden = false;
  const here = /^#L(\d+)$/.exec(location.hash);
  if (here) jump(Number(here[1]));
  look();
}

async function schema() {
  if (!form.dataset.schema) return null;
  try {
    return await (await fetch(form.dataset.schema)).json();
  } catch {
    return null; // completion is a comfort
  }
}

begin().catch(() => {
  view = null; // the text area is there
  area.hidden = false;
});
