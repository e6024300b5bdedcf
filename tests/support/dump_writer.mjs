// A second port in miniature, in JavaScript, from docs/dumps.md alone: one .safetensors file, and nothing else.
//
// usage: node dump_writer.mjs FILE CHUNKS < embeddings (CHUNKS, 3, 256), raw float32
// It writes embeddings as they are, and as float32 throughout.

import { readFileSync, writeFileSync } from "node:fs";

const [file, chunks] = process.argv.slice(2);
const data = readFileSync(0);
const described = { embeddings: { dtype: "F32", shape: [Number(chunks), 3, 256], data_offsets: [0, data.length] } };
const header = Buffer.from(JSON.stringify(described));
const length = Buffer.alloc(8);
length.writeBigUInt64LE(BigInt(header.length));
writeFileSync(file, Buffer.concat([length, header, data]));
