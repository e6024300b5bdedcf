#!/usr/bin/env node
// The program contract of the lab, protocol 1: `describe`, `stage NAME IN OUT`, `serve`.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { STAGES } from "./stages.mjs";

const DESCRIBED = {
  protocol: 1,
  name: "my_port",
  version: "0.1.0",
  pipeline: "community-1",
  stages: Object.keys(STAGES),
  formats: ["npy"],
  serve: true,
  run: false,
  declares: {},
};

function runStage(name, source, target) {
  if (!Object.hasOwn(STAGES, name)) throw new Error(`no stage ${name}; there are: ${Object.keys(STAGES).join(", ")}`);
  STAGES[name](source, target, JSON.parse(readFileSync(join(source, "parameters.json"), "utf8")));
}

// The answer to one request; whatever goes wrong is told in it, and the next one is served.
function answer(line) {
  let id = null;
  try {
    const request = JSON.parse(line);
    id = request.id ?? null;
    if (request.request === "describe") return { id, ok: true, describe: DESCRIBED };
    if (request.request !== "stage") throw new Error(`unknown request ${request.request}`);
    runStage(request.stage, request.in, request.out);
    return { id, ok: true };
  } catch (error) {
    return { id, ok: false, error: String(error.message).replace(/\s+/g, " ") };
  }
}

async function serve() {
  for await (const line of createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(answer(line))}\n`);
  }
}

const [command, ...rest] = process.argv.slice(2);
if (command === "describe" && rest.length === 0) {
  console.log(JSON.stringify(DESCRIBED));
} else if (command === "stage" && rest.length === 3) {
  try {
    runStage(...rest);
  } catch (error) {
    console.error(`${rest[0]}: ${error.message}`);
    process.exitCode = 1;
  }
} else if (command === "serve" && rest.length === 0) {
  await serve();
} else {
  console.error("usage: my_port.mjs describe | stage NAME IN OUT | serve");
  process.exitCode = 2;
}
