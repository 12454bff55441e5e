// Files on their way up: progress, failure, removal.
import { limit, uploadAddress } from '../jmap/client';
import type { Id } from '../jmap/objects';

export interface FileItem {
  key: number;
  name: string;
  type: string;
  size: number;
  /** Null until the server has it. */
  blobId: Id | null;
  /** The part that is up, 0 to 1. */
  sent: number;
  failed: boolean;
}

const SIZE_MAX_OTHERWISE = 50_000_000;

/** RFC 8620 §2 maxSizeUpload, in octets. */
export const sizeMax = () => limit('maxSizeUpload', SIZE_MAX_OTHERWISE);

let last = 0;

export const item = (file: File): FileItem => {
  last += 1;
  return {
    key: last, name: file.name.normalize('NFC'), type: file.type || 'application/octet-stream', size: file.size,
    blobId: null, sent: 0, failed: false,
  };
};

type Changed = (key: number, change: Partial<FileItem>) => void;

const running = new Map<number, XMLHttpRequest>();
const queue: { file: File; key: number; changed: Changed }[] = [];

/** Fewer than the server's maxConcurrentUpload, so that another tab has room as well. */
const atOnce = () => Math.max(1, Math.min(3, limit('maxConcurrentUpload', 4) - 1));

/** RFC 8620 §6.1. `changed` gets what to put into the item. */
export function upload(file: File, key: number, changed: Changed): void {
  queue.push({ file, key, changed });
  pump();
}

function pump(): void {
  while (running.size < atOnce()) {
    const next = queue.shift();
    if (!next) return;
    start(next.file, next.key, next.changed);
  }
}

/** By XMLHttpRequest: fetch cannot tell how far an upload is. */
function start(file: File, key: number, changed: Changed): void {
  const call = new XMLHttpRequest();
  running.set(key, call);
  call.open('POST', uploadAddress());
  call.setRequestHeader('content-type', file.type || 'application/octet-stream');
  call.setRequestHeader('x-congvu', '1');
  call.responseType = 'json';
  call.upload.onprogress = (event) => {
    if (event.lengthComputable) changed(key, { sent: Math.min(0.99, event.loaded / event.total) });
  };
  call.onloadend = () => {
    running.delete(key);
    const blobId = call.status >= 200 && call.status < 300 ? (call.response as { blobId?: string } | null)?.blobId : undefined;
    changed(key, blobId ? { blobId, sent: 1 } : { failed: true });
    pump();
  };
  call.send(file);
}

export function stop(key: number): void {
  const at = queue.findIndex((waiting) => waiting.key === key);
  if (at >= 0) queue.splice(at, 1);
  running.get(key)?.abort();
}
