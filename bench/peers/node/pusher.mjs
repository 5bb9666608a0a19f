// Pushes with @parse/node-apn what the order on standard input says.
import apn from "@parse/node-apn";

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const order = JSON.parse(Buffer.concat(chunks).toString());

const provider = new apn.Provider({
  token: { key: order.key, keyId: "ABCDE12345", teamId: "FGHIJ67890" },
  address: "localhost",
  port: order.port,
  ca: order.ca,
  production: true,
});
const payload = JSON.parse(order.body);

async function send(number) {
  const notification = new apn.Notification();
  notification.rawPayload = payload;
  notification.topic = order.topic;
  notification.pushType = "alert";
  notification.priority = 10;
  notification.expiry = Number(order.expiration);
  notification.id = `${number.toString(16).padStart(8, "0")}-1111-4222-8333-444455556666`;
  const result = await provider.send(notification, number.toString(16).padStart(64, "0"));
  return result.sent.length;
}

async function sendRange(first, count) {
  let next = first;
  let accepted = 0;
  const work = async () => {
    while (next < first + count) {
      const sent = await send(next++);
      accepted += sent;
    }
  };
  await Promise.all(Array.from({ length: order.in_flight }, work));
  return accepted;
}

await send(0);
await sendRange(1, order.warm_up - 1);
const before = process.cpuUsage();
const accepted = await sendRange(order.warm_up, order.count);
const used = process.cpuUsage(before);
await provider.shutdown();
const result = { cpu_s: (used.user + used.system) / 1e6, accepted, failed: order.count - accepted };
process.stdout.write(JSON.stringify(result) + "\n");
