// Talking to the demo's own API. Nothing leaves this origin.
const body = document.body;
export const root = body.dataset.root;
export const words = JSON.parse(body.dataset.words);
export const reactions = JSON.parse(body.dataset.reactions);
export const language = body.dataset.language;

export const byId = (id) => document.getElementById(id);

const trouble = byId("trouble");
let wipe = 0;

// Shows one sentence at the top; an empty one takes it away.
export function say(sentence, forMilliseconds = 0) {
  clearTimeout(wipe);
  trouble.hidden = !sentence;
  if (trouble.textContent !== sentence) trouble.textContent = sentence;
  if (forMilliseconds) wipe = setTimeout(() => say(""), forMilliseconds);
}

// Posts JSON. Returns the answer, or null after telling that it did not work.
export async function post(path, data) {
  try {
    const answer = await fetch(`${root}/api/${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(data),
    });
    if (answer.ok) return await answer.json();
    say(words.refused, 5000);
  } catch {
    say(words.lost);
  }
  return null;
}

export async function state(student, after, signal) {
  const query = new URLSearchParams();
  if (student) query.set("student", student);
  if (after !== null) query.set("after", after);
  const answer = await fetch(`${root}/api/state?${query}`, { signal });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return answer.json();
}

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "onclick") made.addEventListener("click", value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}
