// Sends what the JSON on standard input asks for with IBM's client, and prints what it answered.
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const { PushNotifications, Notification, PushMessageBuilder } = require("ibm-push-notifications");

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const order = JSON.parse(Buffer.concat(chunks).toString());

// Before anything is constructed: the host is read then, and never again.
PushNotifications.overrideServerHost = order.url;
const client = new PushNotifications(null, order.application, order.secret);
const { Message, Target, Settings, APNs, FCM } = PushMessageBuilder;

function notificationOf({ alert, deviceIds, badge, priority }) {
  // The builders are singletons that remember: each step sets all it uses, and is copied.
  Message.alert(alert);
  Notification.message(Message.build());
  Notification.target(deviceIds ? Target.deviceIds(deviceIds).build() : {});
  Settings.apns(APNs.badge(badge ?? 0).build());
  Settings.fcm(FCM.priority(priority ?? "DEFAULT").build());
  Notification.settings(Settings.build());
  return { json: structuredClone(Notification.json) };
}

function answered(send) {
  return new Promise((resolve) => {
    send((error, response, body) => {
      resolve({ error: error ? String(error) : null, status: response?.statusCode, body });
    });
  });
}

const told = [];
for (const step of order.steps) {
  const made = step.map(notificationOf);
  told.push(
    await answered((done) =>
      made.length === 1 ? client.send(made[0], done) : client.sendBulk(made, done),
    ),
  );
}
process.stdout.write(JSON.stringify(told));
