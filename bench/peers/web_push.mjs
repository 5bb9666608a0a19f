// npm web-push: the whole request of one message, as its sendNotification would send it.
// Reads {count, warm_up, text, subscriptions, vapid}; prints {cpu_s}.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const webPush = createRequire(new URL("./node/", import.meta.url))("web-push");
const order = JSON.parse(readFileSync(0, "utf8"));
webPush.setVapidDetails(order.vapid.contact, order.vapid.public, order.vapid.private);

function encode(count) {
  for (let number = 0; number < count; number += 1) {
    const subscription = order.subscriptions[number % order.subscriptions.length];
    const details = webPush.generateRequestDetails(subscription, order.text, { TTL: 60, contentEncoding: "aes128gcm" });
    if (details.body.length < order.text.length) {
      throw new Error("nothing was encrypted");
    }
  }
}

encode(order.warm_up);
const before = process.cpuUsage();
encode(order.count);
const { user, system } = process.cpuUsage(before);
console.log(JSON.stringify({ cpu_s: (user + system) / 1e6 }));
