// What the pages gain with a script: they stay fresh, keep the draft, make a sound and take keys.
// Every page works without it. The composer's part is in talk.js.
"use strict";
(() => {
  const body = document.body;
  const $ = (id) => document.getElementById(id);
  const words = JSON.parse(body.dataset.words || "{}");
  const say = (key, blanks = {}) =>
    Object.entries(blanks).reduce((text, [name, value]) => text.replace(`{${name}}`, value), words[key] || "");
  const csrf = document.querySelector('meta[name="csrf-token"]')?.content || "";
  const remember = (key, value) => {
    try {
      localStorage.setItem(key, value);
    } catch {
      /* private window */
    }
  };
  const recall = (key) => {
    try {
      return localStorage.getItem(key);
    } catch {
      return null;
    }
  };
  const keepHere = (key, value) => {
    try {
      sessionStorage.setItem(`peersupport.${key}`, value);
    } catch {
      /* private window */
    }
  };
  const keptHere = (key) => {
    try {
      return sessionStorage.getItem(`peersupport.${key}`);
    } catch {
      return null;
    }
  };
  const polite = (text) => {
    const place = $("polite");
    if (place) place.textContent = text;
  };

  function send(address, fields, json = false) {
    const headers = { "X-CSRFToken": csrf };
    if (json) headers.Accept = "application/json";
    return fetch(address, { method: "POST", headers, body: new URLSearchParams(fields), redirect: "manual" });
  }

  // Parts of the page, changed in place and only where they differ, so that focus and scrolling stay.
  function morph(old, fresh) {
    if (old.isEqualNode(fresh)) return;
    if (old.nodeType !== 1 || old.nodeName !== fresh.nodeName) {
      old.replaceWith(fresh);
      return;
    }
    for (const { name } of [...old.attributes])
      if (!fresh.hasAttribute(name) && !(name === "open" && old.nodeName === "DETAILS")) old.removeAttribute(name);
    for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    morphChildren(old, fresh);
  }
  function morphChildren(old, fresh) {
    let at = old.firstChild;
    for (const next of [...fresh.childNodes]) {
      const same = next.id ? [...old.children].find((child) => child.id === next.id) : null;
      if (same) {
        if (same !== at) old.insertBefore(same, at);
        else at = at.nextSibling;
        morph(same, next);
        continue;
      }
      if (at && !at.id && !next.id && at.nodeName === next.nodeName) {
        const here = at;
        at = at.nextSibling;
        morph(here, next);
        continue;
      }
      if (next.id && next.nodeType === 1) next.classList.add("fresh");
      old.insertBefore(next, at);
    }
    while (at) {
      const gone = at;
      at = at.nextSibling;
      gone.remove();
    }
  }

  const holder = document.createElement("template");
  function parse(html) {
    const box = document.createElement("div");
    holder.innerHTML = html;
    box.append(holder.content);
    return box;
  }
  const rowIds = (root) => [...root.querySelectorAll(".row")].map((row) => row.id).join();
  let pendingList = null;

  function place(name, { mark, html }) {
    const part = $(`part-${name}`);
    if (!part) return;
    const fresh = parse(html);
    if (
      name === "list" &&
      !$("queue-changed")?.matches(":focus") &&
      inUse($("list")) &&
      rowIds(part) !== rowIds(fresh)
    ) {
      pendingList = { mark, html };
      const button = $("queue-changed");
      if (button?.hidden) {
        button.hidden = false;
        polite(button.textContent);
      }
      return;
    }
    if (name === "strip" && $("duty")?.open && !fresh.querySelector("#alert-bar")) return;
    if (name === "list") pendingList = null;
    if (name === "thread") placeThread(part, fresh);
    else morphChildren(part, fresh);
    part.dataset.mark = mark;
    if (name === "strip") stripChanged();
    if (name === "list") listChanged();
    if (name === "asked") arrived();
    if (name === "head") headChanged();
  }
  const inUse = (element) =>
    element &&
    (element.matches(":hover") ||
      (element.contains(document.activeElement) && document.activeElement.matches(".row *")));

  // The thread follows its end if that is what you look at; otherwise it stays and a pill says so.
  const scroller = $("scroll");
  // The box is turned round in the style sheet: its end is 0, and further up is negative.
  const atEnd = () => !scroller || scroller.scrollTop > -80;
  const toEnd = () => {
    if (scroller) scroller.scrollTop = 0;
  };
  let unseen = 0;
  function placeThread(part, fresh) {
    const followed = atEnd(),
      height = scroller.scrollHeight,
      top = scroller.scrollTop;
    const known = new Set([...part.querySelectorAll(".entry")].map((entry) => entry.id));
    morphChildren(part, fresh);
    const arrived = [...part.querySelectorAll(".entry[data-by=contact]")].filter((entry) => !known.has(entry.id));
    if (arrived.length) attention();
    for (const entry of arrived)
      $("said").textContent = say("said", { text: entry.querySelector(".bubble")?.textContent.trim() || "" });
    scroller.scrollTop = followed ? 0 : top - (scroller.scrollHeight - height);
    if (!followed && arrived.length) {
      unseen += arrived.length;
      const pill = $("new-pill");
      pill.textContent = unseen === 1 ? say("new_one") : say("new_many", { n: unseen });
      pill.hidden = false;
    }
  }
  function headChanged() {
    const head = document.querySelector(".talk-head");
    if (head?.dataset.last && $("seen")) $("seen").value = head.dataset.last;
  }
  $("new-pill")?.addEventListener("click", () => {
    toEnd();
  });
  scroller?.addEventListener(
    "scroll",
    () => {
      if (atEnd()) {
        unseen = 0;
        $("new-pill").hidden = true;
      }
    },
    { passive: true },
  );

  // Fresh parts: on a word from the server, once a minute for the clocks, and by asking when no word comes.
  let asking = false,
    again = null,
    failures = 0,
    lostTimer = null;
  async function refresh(only = "") {
    if (!body.dataset.live) return;
    if (asking) {
      again = again === null || again === only ? only : "";
      return;
    }
    asking = true;
    const ask = new URLSearchParams();
    for (const part of document.querySelectorAll("[data-part]")) ask.set(part.dataset.part, part.dataset.mark);
    if (body.dataset.which) ask.set("which", body.dataset.which);
    for (const name of ["c", "a"]) if (body.dataset[name]) ask.set(name, body.dataset[name]);
    if (only) ask.set("only", only);
    const headers = { "X-Background": "1", "X-Ticket": body.dataset.ticket || "" };
    try {
      const answer = await fetch(`/console/fresh?${ask}`, { headers, redirect: "manual" });
      if (answer.status === 401) {
        problem(say("signed_out"));
        stopLive();
        return;
      }
      if (answer.status === 409) {
        problem(say("gone"));
        stopLive();
        return;
      }
      if (answer.status === 200) {
        const { parts, badge, draft } = await answer.json();
        title(badge);
        const held = document.querySelectorAll("[data-held]").length;
        for (const [name, part] of Object.entries(parts)) place(name, part);
        if (draft && document.querySelectorAll("[data-held]").length > held) window.peersupport.heldBack?.(draft);
      } else if (answer.status !== 204) throw new Error(String(answer.status));
      found();
    } catch {
      lost();
    } finally {
      asking = false;
      if (again !== null) {
        setTimeout(refresh, 100, again);
        again = null;
      }
    }
  }
  // What came while nobody looked at this page stands as a dot in its title until somebody does.
  let dot = false;
  const title = (badge) => {
    const bare = document.title.replace(/^(• )?(⚠ )?(\(\d+\) )?/, "");
    const kept = badge ?? document.title.replace(/^• /, "").slice(0, -bare.length || undefined);
    document.title = (dot ? "• " : "") + kept + bare;
  };
  function lost() {
    failures += 1;
    let seconds = Math.min(30, 2 ** failures);
    clearInterval(lostTimer);
    const box = $("lost");
    const show = () => {
      $("lost-words").textContent = say("lost", { n: seconds });
      box.hidden = false;
      box.classList.toggle("low", Boolean($("alert-bar")));
    };
    show();
    if (failures === 1) polite($("lost-words").textContent);
    lostTimer = setInterval(() => {
      seconds -= 1;
      if (seconds > 0) show();
      else {
        clearInterval(lostTimer);
        refresh();
      }
    }, 1000);
  }
  function found() {
    if (!failures) return;
    failures = 0;
    clearInterval(lostTimer);
    $("lost").hidden = true;
    toast(say("back"));
  }
  let stream = null,
    poll = null,
    stopped = false;
  function listen() {
    if (stopped || !body.dataset.live) return;
    stream = new EventSource(`/console/live${body.dataset.c ? `?c=${body.dataset.c}` : ""}`);
    const told = (only) => () => {
      clearInterval(poll);
      poll = null;
      refresh(only);
    };
    stream.addEventListener("changed", told(""));
    stream.addEventListener("list", told("list"));
    stream.addEventListener("error", () => {
      if (!poll && !stopped) poll = setInterval(refresh, 5000);
      if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 60000); // full, or refused
    });
  }
  function stopLive() {
    stopped = true;
    stream?.close();
    clearInterval(poll);
    clearInterval(lostTimer);
  }
  addEventListener("pagehide", () => stream?.close());
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) {
      dot = false;
      title();
      refresh();
      stripChanged();
    }
  });
  setInterval(refresh, 60000);

  // The strip: an alert is said once, shown to the server once, and heard once each time people are told anew.
  // The ladder tells again; a sound that never stops teaches people to switch it off.
  let said = "",
    shown = "",
    audio = null,
    soundOn = recall("peersupport.sound") === "on";
  const openAlert = () => document.querySelector(".strip-alert");
  const arming = (bar) => `${bar.dataset.alert} ${bar.dataset.armed}`;
  const heard = () => JSON.parse(recall("peersupport.heard") || "[]");
  function ring() {
    const bar = openAlert();
    if (!bar || !soundOn || heard().includes(arming(bar))) return;
    const key = arming(bar);
    // Waits for a first click where the browser wants one; by then somebody may have it.
    ready().then(() => {
      const now = openAlert();
      if (!now || arming(now) !== key || heard().includes(key)) return;
      remember("peersupport.heard", JSON.stringify([...heard(), key].slice(-20)));
      tones();
    });
  }
  function stripChanged() {
    const bar = openAlert();
    const key = bar ? `${arming(bar)} ${bar.dataset.say}` : "";
    if (key !== said) {
      said = key;
      if (bar) $("urgent").textContent = bar.dataset.say;
    }
    if (bar?.dataset.show && shown !== key && !document.hidden) {
      shown = key;
      send(bar.dataset.show, {}).catch(() => {
        shown = "";
      });
    }
    ring();
    soundButtons();
  }
  // Somebody new, a message of somebody who waits or is mine, a question, something to know: one sound, and a dot
  // in the title of a page that is not looked at. What is being read at this moment makes none.
  let heardAt = -Infinity;
  function arrived() {
    const now = document.querySelector("[data-arrivals]")?.dataset.arrivals;
    if (now === undefined) return;
    const pairs = (text) => new Map(text.split(" ").filter(Boolean).map((sign) => sign.split(":")));
    const before = keptHere("arrivals");
    keepHere("arrivals", now);
    if (before === null) return;
    const known = pairs(before),
      reading = document.hidden ? "" : `c${body.dataset.c}`,
      had = (sign) => Number(known.get(sign) ?? known.get(`q${sign.slice(1)}`) ?? -1);
    const fresh = [...pairs(now)].some(
      ([sign, at]) => sign[0] !== "q" && sign !== reading && had(sign) < Number(at),
    );
    if (!fresh) return;
    if (document.hidden) {
      dot = true;
      title();
    }
    if (performance.now() - heardAt < 10000) return;
    heardAt = performance.now();
    beep();
  }
  function soundButtons() {
    for (const each of [$("try-sound"), $("show-keys")]) if (each) each.hidden = false;
    for (const button of document.querySelectorAll(".sound")) {
      const label = button.querySelector(".sound-words"),
        words = say(soundOn ? "sound_off" : "sound_on");
      button.hidden = false;
      if (label) label.textContent = words;
      else button.setAttribute("aria-label", words);
      button.setAttribute("aria-pressed", String(soundOn));
    }
  }
  function ready() {
    audio ??= new AudioContext();
    return audio.resume();
  }
  function beep(force = false) {
    if (soundOn || force) ready().then(tones);
  }
  // A sound, and where the page is out of sight a notice of the browser: that somebody is needed, and no more.
  function attention() {
    beep();
    if (document.hidden && window.Notification?.permission === "granted" && recall("peersupport.notices") === "on")
      new Notification(document.title.replace(/^.*\) /, ""), { body: say("notify"), tag: "peersupport" }).onclick = () => focus();
  }
  function tones() {
    [660, 880].forEach((pitch, n) => {
      const tone = audio.createOscillator(),
        volume = audio.createGain(),
        start = audio.currentTime + n * 0.22;
      tone.frequency.value = pitch;
      volume.gain.setValueAtTime(0, start);
      volume.gain.linearRampToValueAtTime(0.25, start + 0.02);
      volume.gain.linearRampToValueAtTime(0, start + 0.2);
      tone.connect(volume).connect(audio.destination);
      tone.start(start);
      tone.stop(start + 0.21);
    });
  }
  setInterval(() => {
    for (const each of document.querySelectorAll(".ticking")) {
      each.from ??= performance.now() - Number(each.dataset.seconds) * 1000;
      const seconds = Math.floor((performance.now() - each.from) / 1000);
      if (seconds < 3600 && (seconds < 120 || seconds % 60 === 0))
        each.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    }
  }, 1000);
  setInterval(() => {
    for (const each of document.querySelectorAll(".counting")) {
      const left = Number(each.dataset.left) - 1;
      if (left > 0) each.textContent = say("sends_in", { n: left });
      else if (left === 0) each.textContent = say("sending");
      else if (left === -1) refresh();
      each.dataset.left = left;
    }
  }, 1000);
  function listChanged() {
    soundButtons();
    const ids = [...document.querySelectorAll("#rows-waiting .row")].map((row) => row.id);
    const count = $("nav-count");
    if (body.dataset.which === "queue") {
      if (count) {
        count.hidden = !ids.length;
        count.firstElementChild.textContent = ids.length;
      }
    }
  }
  async function notices(on) {
    remember("peersupport.notices", on ? "on" : "off");
    if (on && window.Notification?.permission === "default") await Notification.requestPermission();
  }
  document.addEventListener("click", (event) => {
    const target = event.target.closest("button, a");
    if (!target) return;
    if (target.matches(".sound")) {
      soundOn = !soundOn;
      remember("peersupport.sound", soundOn ? "on" : "off");
      soundButtons();
      notices(soundOn);
      if (soundOn) openAlert() ? ring() : beep();
    }
    if (target.id === "try-sound") {
      soundOn = true;
      remember("peersupport.sound", "on");
      soundButtons();
      beep(true);
    }
    if (target.id === "queue-changed" && pendingList) {
      const list = pendingList;
      pendingList = null;
      const part = $("part-list");
      morphChildren(part, parse(list.html));
      part.dataset.mark = list.mark;
      listChanged();
    }
    if ("put" in target.dataset) put(target.textContent);
    if (target.id === "show-keys") $("keys").showModal();
    if (target.dataset.dialog && $(target.dataset.dialog)) {
      event.preventDefault();
      $(target.dataset.dialog).showModal();
    }
    if ("close" in target.dataset && target.closest("dialog")) {
      event.preventDefault();
      target.closest("dialog").close();
    }
  });
  document.addEventListener("click", (event) => {
    const duty = $("duty");
    if (duty?.open && !duty.contains(event.target)) duty.open = false;
  });

  function toast(text) {
    let box = $("toasts");
    if (!box) {
      box = document.createElement("div");
      box.id = "toasts";
      box.className = "toasts";
      box.setAttribute("role", "log");
      box.setAttribute("aria-live", "off"); // what it says is said in #polite
      body.append(box);
    }
    const line = document.createElement("p");
    line.className = "toast";
    line.textContent = text;
    box.replaceChildren(line);
    polite(text);
    setTimeout(() => line.remove(), 6000);
  }
  for (const line of document.querySelectorAll(".toast:not(.toast-error, .toast-undo)")) setTimeout(() => line.remove(), 8000);

  // What talk.js, on the page of a conversation, needs of this file and adds to it.
  const talk = { $, body, say, send, csrf, toast, polite, refresh, remember, recall, toEnd };
  const problem = (words) => (talk.problem || toast)(words);
  const put = (words) => talk.put?.(words);
  const compose = (mode) => talk.compose?.(mode);
  window.peersupport = talk;

  // Keys. Single letters do nothing in a text field and can be switched off; none acknowledges, closes or calls.
  const single = $("single-keys");
  if (single) {
    single.checked = recall("peersupport.keys") !== "off";
    single.addEventListener("change", () => remember("peersupport.keys", single.checked ? "on" : "off"));
  }
  const enter = $("enter-sends");
  if (enter) {
    enter.checked = recall("peersupport.enter") !== "off";
    enter.addEventListener("change", () => remember("peersupport.enter", enter.checked ? "on" : "off"));
  }
  // F6 goes round the parts of the page that can be seen.
  function nextPart(back) {
    const all = ["#list .list-body", "#scroll", "#text", ".side"].map((each) => document.querySelector(each));
    const shown = all.filter((each) => each?.offsetParent);
    const here = shown.findIndex((each) => each.contains(document.activeElement));
    const to = shown[(here + (back ? shown.length - 1 : 1)) % shown.length];
    if (!to) return;
    if (!to.matches("textarea")) to.tabIndex = -1;
    (to.querySelector(".row-here .row-open, .row-open") || to).focus();
  }
  let chord = 0;
  const rows = () => [...document.querySelectorAll(".row-open")].filter((row) => row.offsetParent);
  function step(by) {
    const all = rows(),
      here = all.indexOf(document.activeElement.closest?.(".row")?.querySelector(".row-open"));
    all[Math.max(0, Math.min(all.length - 1, here + by))]?.focus();
  }
  // Also in a text field that stands in a tree of its own, as the editor does.
  function writes(event) {
    const field = event.composedPath()[0];
    return field.isContentEditable || field.matches?.("input, textarea, select");
  }
  document.addEventListener("keydown", (event) => {
    if (event.key === "F6" && !document.querySelector("dialog[open]")) {
      event.preventDefault();
      nextPart(event.shiftKey);
      return;
    }
    if ((event.ctrlKey || event.metaKey) && event.key === "z" && !event.shiftKey && talk.undo?.()) {
      event.preventDefault();
      return;
    }
    if (
      event.ctrlKey ||
      event.metaKey ||
      event.altKey ||
      writes(event) ||
      document.querySelector("dialog[open]")
    )
      return;
    if (event.key === "Escape" && $("duty")) $("duty").open = false;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (event.target.matches(".row *")) {
        event.preventDefault();
        step(event.key === "ArrowDown" ? 1 : -1);
      }
      return;
    }
    if (!single?.checked) return;
    const chorded = performance.now() - chord < 1000;
    chord = 0;
    const deeds = {
      "?": () => $("keys").showModal(),
      j: () => step(1),
      k: () => (chorded ? location.assign("/console/") : step(-1)),
      v: () => chorded && location.assign("/console/rota"),
      n: () => $("next")?.click(),
      t: () =>
        (
          document.activeElement.closest?.(".row")?.querySelector(".take") ||
          document.querySelector(".talk .button[formaction$='/claim']")
        )?.click(),
      r: () => compose("reply"),
      m: () => (chorded ? location.assign("/console/mine") : compose("note")),
      q: () => chorded && location.assign("/console/"),
      "/": () => $("open-replies")?.click(),
      s: () => $("open-services")?.click(),
      h: () => talk.help?.(),
      e: () => [...document.querySelectorAll("[data-tool=close]")].find((each) => each.offsetParent)?.click(),
      b: () => $("alert-bar")?.querySelector("button, a")?.focus(),
      g: () => {
        chord = performance.now();
      },
    };
    if (deeds[event.key]) {
      event.preventDefault();
      deeds[event.key]();
    }
  });

  // Pushes to this browser. What comes holds no words; push.js shows it.
  const push = $("push");
  const key64 = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  async function pushButtons() {
    const worker = await navigator.serviceWorker.register(push.dataset.worker, { scope: "/console/" });
    const now = await worker.pushManager.getSubscription();
    $("push-none").hidden = true;
    $("push-on").hidden = Boolean(now);
    $("push-off").hidden = !now;
    return [worker, now];
  }
  async function pushOn() {
    if ((await Notification.requestPermission()) !== "granted") return toast(say("push_no"));
    await pushButtons();
    const worker = await navigator.serviceWorker.ready;
    const options = { userVisibleOnly: true, applicationServerKey: key64(push.dataset.key) };
    const { endpoint, keys } = (await worker.pushManager.subscribe(options)).toJSON();
    const answer = await send(push.dataset.on, { endpoint, p256dh: keys.p256dh, auth: keys.auth });
    const done = answer.ok;
    toast(say(done ? "push_done" : "push_no"));
    return pushButtons();
  }
  async function pushOff() {
    const [, now] = await pushButtons();
    if (now) {
      await send(push.dataset.off, { endpoint: now.endpoint });
      await now.unsubscribe();
    }
    toast(say("push_gone"));
    return pushButtons();
  }
  if (push && "serviceWorker" in navigator && "PushManager" in window) {
    pushButtons().catch(() => {});
    $("push-on").addEventListener("click", () => pushOn().catch(() => toast(say("push_no"))));
    $("push-off").addEventListener("click", () => pushOff().catch(() => toast(say("push_no"))));
  }

  // Installable, and with a page of its own for when there is no network. It keeps nothing else.
  if (body.dataset.live && window.isSecureContext) navigator.serviceWorker?.register("/console/push.js", { scope: "/console/" }).catch(() => {});

  stripChanged();
  if (body.dataset.live) {
    arrived();
    listChanged();
    listen();
  }
})();
