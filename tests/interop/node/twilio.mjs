// Sends what the JSON on standard input asks for and prints what twilio-node made of the answers.
import twilio from "twilio";

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const order = JSON.parse(Buffer.concat(chunks).toString());

const told = [];
// The package wants an account's name even where a key signs in.
const client = twilio(order.user_name, order.password, { accountSid: order.account_sid });
for (const { method, path, data, params, headers } of order.requests) {
  const { statusCode, body, headers: answered } = await client.request({
    method,
    uri: order.url + path,
    headers: headers ?? { "Content-Type": "application/json" },
    data,
    params,
  });
  told.push({ status: statusCode, body, headers: answered });
}
process.stdout.write(JSON.stringify(told));
