// Sends what the JSON on standard input asks for and prints what node-apn made of the replies.
import apn from "@parse/node-apn";

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const order = JSON.parse(Buffer.concat(chunks).toString());

const provider = new apn.Provider({
  token: { key: order.key, keyId: order.key_id, teamId: order.team_id },
  address: "localhost",
  port: order.port,
  ca: order.ca,
  production: true,
});
const results = [];
for (const push of order.pushes) {
  const notification = new apn.Notification(push.payload ?? { aps: { alert: "hello" } });
  Object.assign(notification, push.options);
  results.push(await provider.send(notification, push.tokens));
}
await provider.shutdown();
const told = results.map(({ sent, failed }) => ({
  sent: sent.map(({ device }) => device),
  failed: failed.map(({ device, status, response, error }) => ({
    device,
    status,
    response,
    error: error && String(error.message ?? error),
  })),
}));
process.stdout.write(JSON.stringify(told));
