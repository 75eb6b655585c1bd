// Shows a push: that somebody is needed, and the way in. The message holds no words, name or topic.
"use strict";
const pages = () => clients.matchAll({ type: "window", includeUncontrolled: true });
const isOurs = (page) => new URL(page.url).pathname.startsWith("/console");
addEventListener("push", (event) => {
  const { title = "Peer support", body = "", tag = "alert" } = event.data ? event.data.json() : {};
  const isNews = /^(queue|mine)-/.test(tag); // somebody new, or a new message: no alert
  const show = async () => {
    if (isNews && (await pages()).some((page) => isOurs(page) && page.focused)) return; // it is on the screen
    const data = isNews ? "/console/" : "/console/alerts";
    await registration.showNotification(title, { body, tag, data, requireInteraction: !isNews, icon: "static/mark.svg" });
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
