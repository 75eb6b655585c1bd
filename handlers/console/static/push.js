// Shows a push: that somebody is needed, and the way in. The message holds no words, name or topic.
// And keeps one page for when there is no network; of everything else it keeps nothing.
"use strict";
const KEPT = "offline-1";
const OFFLINE = ["offline", "static/console.css"];
addEventListener("install", (event) => {
  skipWaiting();
  event.waitUntil(caches.open(KEPT).then((kept) => kept.addAll(OFFLINE)));
});
addEventListener("activate", (event) => {
  const old = async () => {
    for (const name of await caches.keys()) if (name !== KEPT) await caches.delete(name);
    await clients.claim();
  };
  event.waitUntil(old());
});
addEventListener("fetch", (event) => {
  const { mode, url, method } = event.request;
  const file = OFFLINE.find((each) => url === new URL(each, registration.scope).href);
  if (mode === "navigate" && method === "GET")
    event.respondWith(fetch(event.request).catch(() => caches.match(new URL("offline", registration.scope).href)));
  else if (file) event.respondWith(fetch(event.request).catch(() => caches.match(event.request)));
});
const pages = () => clients.matchAll({ type: "window", includeUncontrolled: true });
const isOurs = (page) => new URL(page.url).pathname.startsWith("/console");
addEventListener("push", (event) => {
  const { title = "Peer support", body = "", tag = "alert" } = event.data ? event.data.json() : {};
  const isNews = /^(queue|mine)-/.test(tag); // somebody new, or a new message: no alert
  const show = async () => {
    if (isNews && (await pages()).some((page) => isOurs(page) && page.focused)) return; // it is on the screen
    const data = isNews ? "/console/" : "/console/alerts";
    await registration.showNotification(title, { body, tag, data, requireInteraction: !isNews, icon: "static/icon-192.png" });
  };
  event.waitUntil(show());
});
addEventListener("notificationclick", (event) => {
  event.notification.close();
  const open = async () => {
    const here = (await pages()).find(isOurs);
    return here ? here.focus() : clients.openWindow(event.notification.data || "/console/alerts");
  };
  event.waitUntil(open());
});
