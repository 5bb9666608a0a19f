// Signs the Layer SDK in with the session on standard input, makes the calls named there one after
// the other, and prints what each callback got and which events the client triggered. Without a
// session it asks to be signed in, and with a provider's key it answers the challenge as a customer's
// back end would. The call "endSession" ends the session behind the SDK's back, and "signedIn" waits
// for the next sign-in.
import { createSign } from "node:crypto";
import { createRequire } from "node:module";
import XMLHttpRequest from "xhr2";

// What a browser has and the SDK looks for as it loads. The web socket never opens: registering
// devices needs none, and the server has none.
const messages = new EventTarget();
Object.assign(globalThis, {
  window: globalThis,
  XMLHttpRequest,
  WebSocket: class {
    addEventListener() {}
    removeEventListener() {}
    close() {}
  },
  addEventListener: (...listened) => messages.addEventListener(...listened),
  postMessage: (data) => {
    setTimeout(() => messages.dispatchEvent(new MessageEvent("message", { data })));
  },
  document: {},
  location: { hostname: "localhost", origin: "http://localhost" },
  getNativeSupport: () => undefined,
});
// Standard output is ours: the SDK tells of errors on its console.
console.log = console.info = console.warn = console.error;

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const order = JSON.parse(Buffer.concat(chunks).toString());

const layer = createRequire(import.meta.url)("layer-websdk");
const client = new layer.Client({
  appId: order.app ?? "layer:///apps/staging/00000000-0000-4000-8000-000000000000",
  url: order.url,
  websocketUrl: order.url.replace(/^http/, "ws"),
});

const events = [];
for (const name of ["authenticated", "deauthenticated", "challenge"]) {
  client.on(name, (event) => events.push([name, event?.nonce ?? null]));
}

function identityToken(nonce) {
  const { id, keyId, key } = order.provider;
  const now = Math.floor(Date.now() / 1000);
  const header = { typ: "JWT", alg: "RS256", cty: "layer-eit;v=1", kid: keyId };
  const claims = { iss: id, prn: order.user, iat: now, exp: now + 300, nce: nonce };
  const parts = [header, claims].map((part) =>
    Buffer.from(JSON.stringify(part)).toString("base64url"),
  );
  const text = parts.join(".");
  return `${text}.${createSign("RSA-SHA256").update(text).sign(key, "base64url")}`;
}

let signIns = 0;
client.on("authenticated", () => (signIns += 1));
if (order.provider) {
  client.on("challenge", (event) => event.callback(identityToken(event.nonce)));
}

async function signedIn(already) {
  while (signIns <= already) await new Promise((resolve) => setTimeout(resolve, 10));
  return "";
}

async function endSession() {
  const answer = await fetch(`${order.url}/sessions/${client.sessionToken}`, {
    method: "DELETE",
    headers: { accept: "application/vnd.layer+json; version=2.0" },
  });
  return answer.status;
}

await new Promise((resolve) => {
  const isSignedIn = order.session || order.provider;
  client.once(isSignedIn ? "authenticated" : "challenge", resolve);
  if (order.session) client.connectWithSession(order.user, order.session);
  else client.connect(order.user);
});

const told = [];
for (const [method, argument] of order.calls) {
  if (method === "endSession") {
    told.push(await endSession());
    continue;
  }
  if (method === "signedIn") {
    told.push(await signedIn(argument));
    continue;
  }
  const result = await new Promise((resolve) => client[method](argument, resolve));
  told.push(
    result instanceof layer.LayerError
      ? { status: result.httpStatus, id: result.errType, code: result.code, data: result.data }
      : result,
  );
}
process.stdout.write(JSON.stringify({ told, events }), () => process.exit(0));
