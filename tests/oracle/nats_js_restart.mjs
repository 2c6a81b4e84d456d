// nats.js consumers over a restart of the server: argv is modules, url. Prints "half" when half of
// the messages are read, waits for a line, and prints what it has seen at the end.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [, , modules, url] = process.argv;
const require = createRequire(pathToFileURL(`${modules}/package.json`));
const { connect } = require("@nats-io/transport-node");
const { jetstream, jetstreamManager, AckPolicy } = require("@nats-io/jetstream");

const HALF = 20;
const client = await connect({ servers: url, reconnectTimeWait: 50, maxReconnectAttempts: -1 });
const js = jetstream(client);
const manager = await jetstreamManager(client);
await manager.streams.add({ name: "S", subjects: ["s.>"] });
for (const durable_name of ["CONSUME", "FETCH"]) {
  await manager.consumers.add("S", { durable_name, ack_policy: AckPolicy.Explicit });
}

const publish = async (first) => {
  for (let number = first; number < first + HALF; number++) await js.publish("s.a", `${number}`);
};

const seen = { consumed: [], ordered: [], fetched: [], floor: [] };
const reached = { consumed: [], ordered: [] };
const reading = async (name, consumer) => {
  for await (const message of await consumer.consume({ max_messages: 7, expires: 2000 })) {
    if (name === "consumed") await message.ackAck();
    seen[name].push(message.seq);
    const waiting = reached[name].filter(([count]) => count === seen[name].length);
    waiting.forEach(([, resolve]) => resolve());
    if (seen[name].length === 2 * HALF) break;
  }
};
const until = (name, count) => seen[name].length >= count
  ? Promise.resolve()
  : new Promise((resolve) => reached[name].push([count, resolve]));
const fetching = await js.consumers.get("S", "FETCH");
const fetch = async (upTo) => {
  while (seen.fetched.length < upTo) {
    for await (const message of await fetching.fetch({ max_messages: 5, expires: 2000 })) {
      seen.fetched.push(message.seq);
      await message.ackAck();
    }
  }
};

const readers = [
  reading("consumed", await js.consumers.get("S", "CONSUME")),
  reading("ordered", await js.consumers.get("S")),
];
await publish(1);
await Promise.all([until("consumed", HALF), until("ordered", HALF), fetch(HALF)]);
console.log("half");
await new Promise((resolve) => createInterface({ input: process.stdin }).once("line", resolve));
for (let back = false; !back;) {
  back = await manager.streams.info("S").then(() => true, () => false);
}
await publish(HALF + 1);
await Promise.all([...readers, fetch(2 * HALF)]);
const state = await manager.consumers.info("S", "CONSUME");
seen.floor = [state.ack_floor.stream_seq, state.num_ack_pending, state.num_pending];
console.log(JSON.stringify(seen));
await client.close();
process.exit(0);
