// Sends what the JSON on standard input asks for and prints what node-apn made of the replies.
import apn from "@parse/node-apn";

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const order = JSON.parse(Buffer.concat(chunks).toString());

const token = { key: order.key, keyId: order.key_id, teamId: order.team_id };
const { pfx, passphrase } = order.certificate ?? {};
const provider = new apn.Provider({
  ...(pfx ? { pfx: Buffer.from(pfx, "base64"), passphrase } : { token }),
  address: "localhost",
  port: order.port,
  manageChannelsAddress: "localhost",
  manageChannelsPort: order.port,
  ca: order.ca,
  production: true,
});
const results = [];
for (const push of order.pushes) {
  const notification = new apn.Notification(push.payload ?? { aps: { alert: "hello" } });
  Object.assign(notification, push.options);
  results.push(await provider.send(notification, push.tokens));
}
let channelId;
const channels = [];
for (const { action, bundle_id: bundleId } of order.channels ?? []) {
  const notification = new apn.Notification();
  if (action === "create") notification.rawPayload = { "message-storage-policy": 0, "push-type": "LiveActivity" };
  if (action === "broadcast") {
    notification.rawPayload = { aps: { timestamp: 1, event: "update", "content-state": {} } };
    Object.assign(notification, { pushType: "liveactivity", priority: 10, expiry: 0 });
  }
  if (action !== "create" && action !== "readAll") notification.channelId = channelId;
  const { sent, failed } =
    action === "broadcast"
      ? await provider.broadcast(notification, bundleId)
      : await provider.manageChannels(notification, bundleId, action);
  if (action === "create") channelId = sent[0]?.["apns-channel-id"];
  channels.push({
    ok: failed.length === 0,
    channel: sent[0]?.["apns-channel-id"],
    channels: sent[0]?.channels,
    reason: failed[0]?.response?.reason ?? failed[0]?.error?.message,
  });
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
process.stdout.write(JSON.stringify([...told, ...channels]));
