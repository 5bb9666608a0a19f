// Signs the Layer SDK in with the session on standard input, makes the calls named there one after
// the other, and prints what each callback got and which events the client triggered. Without a
// session it only asks to be signed in.
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
  appId: "layer:///apps/staging/00000000-0000-4000-8000-000000000000",
  url: order.url,
  websocketUrl: order.url.replace(/^http/, "ws"),
});

const events = [];
for (const name of ["authenticated", "deauthenticated", "challenge"]) {
  client.on(name, (event) => events.push([name, event?.nonce ?? null]));
}

await new Promise((resolve) => {
  client.once(order.session ? "authenticated" : "challenge", resolve);
  if (order.session) client.connectWithSession(order.user, order.session);
  else client.connect(order.user);
});

const told = [];
for (const [method, argument] of order.calls) {
  const result = await new Promise((resolve) => client[method](argument, resolve));
  told.push(
    result instanceof layer.LayerError
      ? { status: result.httpStatus, id: result.errType, code: result.code, data: result.data }
      : result,
  );
}
process.stdout.write(JSON.stringify({ told, events }), () => process.exit(0));
