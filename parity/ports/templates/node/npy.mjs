// Arrays in `.npy` files: little-endian, C order, as the lab writes them and wants them. An array here is
// { dtype, shape, data }, `data` a typed array.
//
// Source of the format: NEP 1 of NumPy. Reading is strict: another dtype than expected, another number of dims, Fortran
// order, a file that is too short or too long are refused with what was expected and what was found.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const KINDS = {
  "<f4": Float32Array,
  "<f8": Float64Array,
  "|b1": Uint8Array,
  "|i1": Int8Array,
  "|u1": Uint8Array,
  "<i2": Int16Array,
  "<u2": Uint16Array,
  "<i4": Int32Array,
  "<u4": Uint32Array,
  "<i8": BigInt64Array,
  "<u8": BigUint64Array,
};

const ENTRY = /'(descr|fortran_order|shape)': (?:'([^']*)'|(True|False)|\(([0-9, ]*)\))/g;

// The header is a Python dictionary: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
function readHeader(path, text) {
  const entries = Object.fromEntries([...text.matchAll(ENTRY)].map(([, key, ...values]) => [key, values]));
  const [dtype, fortran, lengths] = [entries.descr?.[0], entries.fortran_order?.[1], entries.shape?.[2]];
  const whole = /^\{[, ]*\}\s*$/.test(text.replace(ENTRY, ""));
  if (!whole || [dtype, fortran, lengths].includes(undefined)) throw new Error(`${path}: damaged header ${text.trim()}`);
  if (!(dtype in KINDS)) throw new Error(`${path}: dtype ${dtype}; ${Object.keys(KINDS).join(", ")} are read`);
  if (fortran === "True") throw new Error(`${path}: not in C order`);
  return { dtype, shape: lengths.split(",").filter((length) => length.trim()).map(Number) };
}

export function readNpy(path) {
  const bytes = readFileSync(path);
  if (bytes.length < 10 || bytes.toString("latin1", 0, 6) !== "\x93NUMPY") throw new Error(`${path}: not a .npy file`);
  if (bytes[6] !== 1) throw new Error(`${path}: .npy version ${bytes[6]}; version 1 is read`);
  const start = 10 + bytes.readUInt16LE(8);
  const { dtype, shape } = readHeader(path, bytes.toString("latin1", 10, start));
  const Kind = KINDS[dtype];
  const declared = shape.reduce((product, length) => product * length, 1) * Kind.BYTES_PER_ELEMENT;
  if (bytes.length - start !== declared) {
    throw new Error(`${path}: its header declares ${declared} bytes, ${bytes.length - start} follow`);
  }
  // A copy, for the numbers must begin where numbers may begin.
  return { dtype, shape, data: new Kind(new Uint8Array(bytes.subarray(start)).buffer) };
}

// An artefact of the folder `source`, of one of the dtypes and with that shape (null: any length). Those that were not
// made (nothing to cluster, say) are left out: null where `optional`.
export function readArray(source, name, dtypes, shape, optional = false) {
  const path = join(source, `${name}.npy`);
  if (optional && !existsSync(path)) return null;
  const array = readNpy(path);
  if (!dtypes.includes(array.dtype)) throw new Error(`${path}: dtype ${array.dtype}, expected ${dtypes.join(" or ")}`);
  const fits = shape.length === array.shape.length && shape.every((n, axis) => n === null || n === array.shape[axis]);
  if (!fits) throw new Error(`${path}: shape (${array.shape}), expected (${shape.map((n) => n ?? "any")})`);
  return array;
}

export const INTEGERS = ["|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8"];

export function writeArray(target, name, dtype, shape, data) {
  if (!(data instanceof KINDS[dtype])) throw new Error(`${name}: the numbers are not ${dtype}`);
  const lengths = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const text = `{'descr': '${dtype}', 'fortran_order': False, 'shape': ${lengths}, }`;
  const header = text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11) + "\n";
  const start = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length & 255, header.length >> 8]);
  const numbers = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  writeFileSync(join(target, `${name}.npy`), Buffer.concat([start, Buffer.from(header, "latin1"), numbers]));
}
