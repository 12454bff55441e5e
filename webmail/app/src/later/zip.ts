// All files of a letter as one ZIP archive (PKWARE APPNOTE 6.3): stored, not
// compressed, for documents and pictures are compressed already.

export interface Entry {
  name: string;
  data: Uint8Array;
}

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
/** Names are UTF-8 (bit 11 of the flags). */
const UTF8 = 0x0800;
const VERSION = 20;

const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value >>> 0;
});

export function crc32(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const octet of data) crc = (TABLE[(crc ^ octet) & 0xff] ?? 0) ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** Two files of one name get numbers; no name leads out of the folder it is unpacked in. */
export function names(given: string[]): string[] {
  const taken = new Set<string>();
  return given.map((name) => {
    const clean = name.replace(/[\\/:*?"<>|\u0000-\u001f]/g, '_').replace(/^\.+/, '_') || '_';
    const [, stem = clean, end = ''] = /^(.+?)(\.[^.]{1,10})?$/.exec(clean) ?? [];
    let free = clean;
    for (let n = 2; taken.has(free.toLowerCase()); n += 1) free = `${stem} (${n})${end}`;
    taken.add(free.toLowerCase());
    return free;
  });
}

/** MS-DOS date and time, local, in steps of two seconds. */
const dosTime = (at: Date) => (at.getHours() << 11) | (at.getMinutes() << 5) | (at.getSeconds() >> 1);
const dosDate = (at: Date) => ((at.getFullYear() - 1980) << 9) | ((at.getMonth() + 1) << 5) | at.getDate();

function record(fields: [size: 2 | 4, value: number][]): Uint8Array<ArrayBuffer> {
  const out = new DataView(new ArrayBuffer(fields.reduce((sum, [size]) => sum + size, 0)));
  let at = 0;
  for (const [size, value] of fields) {
    if (size === 2) out.setUint16(at, value, true);
    else out.setUint32(at, value, true);
    at += size;
  }
  return new Uint8Array(out.buffer);
}

export function zip(entries: Entry[], at: Date): Blob {
  const parts: BlobPart[] = [];
  const central: BlobPart[] = [];
  let offset = 0;
  let size = 0;
  for (const { name, data } of entries) {
    const called = new TextEncoder().encode(name);
    const common: [2 | 4, number][] = [
      [2, VERSION], [2, UTF8], [2, 0], [2, dosTime(at)], [2, dosDate(at)], [4, crc32(data)], [4, data.length], [4, data.length], [2, called.length], [2, 0],
    ];
    const head = record([[4, LOCAL], ...common]);
    const entry = record([[4, CENTRAL], [2, VERSION], ...common, [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]]);
    parts.push(head, called, new Uint8Array(data));
    central.push(entry, called);
    offset += head.length + called.length + data.length;
    size += entry.length + called.length;
  }
  const end = record([[4, END], [2, 0], [2, 0], [2, entries.length], [2, entries.length], [4, size], [4, offset], [2, 0]]);
  return new Blob([...parts, ...central, end], { type: 'application/zip' });
}
