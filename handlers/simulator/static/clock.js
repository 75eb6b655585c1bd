// The service's clock: shown, and moved.
import { byId, language, post } from "./api.js";

const field = byId("clock-field");
const weekday = byId("weekday");
const locale = language === "en" ? "en-GB" : "nb-NO";
const zone = "Europe/Oslo";
const parts = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "short" });
const day = new Intl.DateTimeFormat(locale, { timeZone: zone, weekday: "long" });
const shortDay = new Intl.DateTimeFormat(locale, { timeZone: zone, weekday: "short" });
const time = new Intl.DateTimeFormat(locale, { timeZone: zone, hour: "2-digit", minute: "2-digit" });

let ahead = 0; // how far the service's clock is ahead of this machine's, in ms
let touched = false; // somebody is typing a time

export const localDate = (ms) => parts.format(ms).slice(0, 10);
export const clockTime = (ms) => time.format(ms).replace(".", ":");
export const dayAndTime = (ms) => `${shortDay.format(ms)} ${clockTime(ms)}`;
export const serviceNow = () => Date.now() + ahead;

function show() {
  const now = serviceNow();
  const value = parts.format(now).replace(" ", "T");
  if (!touched && field.value !== value) field.value = value;
  const name = day.format(now);
  if (weekday.textContent !== name) weekday.textContent = name;
}

export function setClock(ms) {
  ahead = ms - Date.now();
  show();
}

function apply() {
  if (touched && field.value) post("clock", { to: field.value });
  touched = false;
}

export function startClock() {
  setInterval(show, 1000);
  field.addEventListener("input", () => {
    touched = true;
  });
  field.addEventListener("blur", apply);
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      event.preventDefault();
      apply();
    }
  });
  byId("clock").addEventListener("submit", (event) => {
    event.preventDefault();
    apply();
  });
  byId("clock").addEventListener("click", (event) => {
    const { jump, minutes } = event.target.dataset;
    if (jump) post("clock", { jump });
    if (minutes) post("clock", { minutes: Number(minutes) });
  });
}
