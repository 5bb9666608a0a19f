// Verifies the webhooks on standard input with the specification's own library.
import { Webhook } from "standardwebhooks";

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const { secret, calls } = JSON.parse(Buffer.concat(chunks).toString());

const verdicts = calls.map(({ headers, body }) => {
  try {
    return new Webhook(secret).verify(body, headers).type;
  } catch (error) {
    return error.name;
  }
});
console.log(JSON.stringify(verdicts));
