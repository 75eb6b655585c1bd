// Shows a push: that somebody is needed, and the way in. The message holds no words, name or topic.
"use strict";
addEventListener("push", (event) => {
  const { title = "Peer support", body = "", tag = "alert" } = event.data ? event.data.json() : {};
  event.waitUntil(registration.showNotification(title, { body, tag, requireInteraction: true, icon: "static/mark.svg" }));
});
addEventListener("notificationclick", (event) => {
  event.notification.close();
  const open = async () => {
    const pages = await clients.matchAll({ type: "window", includeUncontrolled: true });
    const here = pages.find((page) => new URL(page.url).pathname.startsWith("/console"));
    return here ? here.focus() : clients.openWindow("/console/alerts");
  };
  event.waitUntil(open());
});
