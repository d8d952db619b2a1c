// Verifies messages, a JSON object a line, with the official library; answers a line for each.
import { createInterface } from "node:readline";
import { Webhook } from "standardwebhooks";

for await (const line of createInterface({ input: process.stdin })) {
  const { secret, headers, body } = JSON.parse(line);
  try {
    new Webhook(secret).verify(body, headers);
    console.log("genuine");
  } catch (error) {
    console.log(`refused: ${error.message}`);
  }
}
