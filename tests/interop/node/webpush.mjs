// The push service of web-push-testing, behind TLS and on this machine only.
// Reads {certificate, key} as one line; prints its port; ends when its input does.
import { createServer } from "node:https";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(import.meta.url);
const { PushApiModel } = require("web-push-testing/src/PushApiModel.js");
const Server = require("web-push-testing/src/server.js");

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { certificate, key } = JSON.parse((await lines.next()).value);
const model = new PushApiModel();
const double = new Server(model, 0);
double.setRequestHandlers();
const server = createServer({ cert: certificate, key }, double._app);
server.listen(0, "127.0.0.1", () => {
  const { port } = server.address();
  model.notifyUrl = `https://localhost:${port}/notify/`;
  console.log(port);
});
for await (const _ of lines);
process.exit(0);
