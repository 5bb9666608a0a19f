// Shows what Heliograph sends: {title, body, tag, data, app_badge, and whatever overrides add}.
self.addEventListener("push", (event) => {
  const message = event.data?.json() ?? {};
  const { title = "", app_badge: count, sound, ...options } = message;
  const shown = self.registration.showNotification(title, { silent: sound === "", ...options });
  const counted = count === undefined ? undefined : self.navigator.setAppBadge?.(count);
  event.waitUntil(Promise.all([shown, counted]));
});

// A click opens `data.url` of this site, or brings the page to the front.
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const url = new URL(event.notification.data?.url ?? "./", self.registration.scope);
  if (url.origin === self.location.origin) {
    event.waitUntil(self.clients.openWindow(url.href));
  }
});
