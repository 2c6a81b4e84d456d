// What a nats.js program does, printed as one JSON document: argv is url, owner's creds, reader's creds.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [, , modules, url, ownerCreds, readerCreds] = process.argv;
const require = createRequire(pathToFileURL(`${modules}/package.json`));
const { connect, credsAuthenticator } = require("@nats-io/transport-node");
const { jetstream, jetstreamManager, AckPolicy } = require("@nats-io/jetstream");
const { Kvm } = require("@nats-io/kv");

const EVENTS = 30;
const login = (path) => connect({ servers: url, authenticator: credsAuthenticator(readFileSync(path)) });
const owner = await login(ownerCreds);
const reader = await login(readerCreds);
const seen = {};

// the owner publishes, the reader consumes and acknowledges through the imports
const js = jetstream(owner);
const stored = [];
for (let number = 0; number < EVENTS; number++) {
  stored.push((await js.publish("retail.v1.restock.requested", `event ${number}`)).seq);
}
seen.stored = stored;
const shared = await jetstream(reader, { apiPrefix: "ACCTC.API" })
  .consumers.get("RESTOCKEVENTS", "RESTOCKEVENTS-C1");
seen.fetched = [];
for await (const message of await shared.fetch({ max_messages: 10, expires: 5000 })) {
  seen.fetched.push(message.string());
  message.ack();
}
seen.consumed = [];
const consuming = await shared.consume({ max_messages: 5, expires: 5000 });
for await (const message of consuming) {
  seen.consumed.push(message.string());
  seen.confirmed = await message.ackAck();
  if (seen.consumed.length === EVENTS - 10) break;
}
const manager = await jetstreamManager(owner);
const state = await manager.consumers.info("RESTOCKEVENTS", "RESTOCKEVENTS-C1");
seen.floor = [state.ack_floor.stream_seq, state.num_ack_pending, state.num_pending];

// an ordered consumer, made and kept by the client
const ordered = await js.consumers.get("RESTOCKEVENTS");
seen.ordered = [];
for await (const message of await ordered.consume()) {
  seen.ordered.push(message.seq);
  if (message.info.pending === 0) break;
}

// a durable of its own, with every answer
await manager.consumers.add("RESTOCKEVENTS", { durable_name: "OWN", ack_policy: AckPolicy.Explicit });
const own = await js.consumers.get("RESTOCKEVENTS", "OWN");
seen.answers = [];
for (const answer of ["nak", "term", "working", "ack"]) {
  const message = await own.next({ expires: 5000 });
  seen.answers.push([message.seq, message.info.deliveryCount]);
  message[answer]();
  if (answer === "working") message.ack();
}

// a watched key-value bucket
const kv = await new Kvm(js).create("settings", { history: 5 });
await kv.put("color", "red");
const watching = await kv.watch();
const watched = (async () => {
  const found = [];
  for await (const entry of watching) {
    found.push([entry.key, entry.operation, entry.string()]);
    if (found.length === 4) break;
  }
  return found;
})();
await kv.put("color", "green");
await kv.put("size", "9");
await kv.delete("color");
seen.watched = await watched;
seen.value = (await kv.get("size")).string();
seen.history = [];
for await (const entry of await kv.history({ key: "color" })) {
  seen.history.push([entry.operation, entry.string()]);
}
seen.keys = [];
for await (const name of await kv.keys()) seen.keys.push(name);

console.log(JSON.stringify(seen));
await reader.close();
await owner.close();
