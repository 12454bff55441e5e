// What was done while the server could not be reached: sent in its order once it
// answers again. Sending one twice does no harm, so a lost answer is none.
import { effect, signal } from '@preact/signals';
import { MethodError, Refused, Unreachable } from '../jmap/client';
import type { Id } from '../jmap/objects';
import { reached } from './sync';

export type Patches = ReadonlyMap<Id, Record<string, unknown>>;

/** More than this is kept by nobody's patience: then acts fail as they did. */
const QUEUE_MAX = 500;

const queue: Patches[] = [];
/** Acts that wait. */
export const queued = signal(0);
let flushing = false;

/** How they are sent, and what is done when the server refuses one. */
let send: (patches: Patches) => Promise<void> = () => Promise.resolve();
let refused: (error: unknown) => void = () => undefined;
/** All that waited was sent. */
let done: () => void = () => undefined;

export function serve(by: typeof send, otherwise: typeof refused, after: typeof done): void {
  [send, refused, done] = [by, otherwise, after];
}

/** Sends at once, or after what waits already; throws what the server says against it. */
export async function submit(patches: Patches): Promise<void> {
  if (queue.length === 0) {
    try {
      return await send(patches);
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
    }
  }
  if (queue.length >= QUEUE_MAX) throw new Unreachable('too much waits');
  queue.push(patches);
  queued.value = queue.length;
}

async function flush(): Promise<void> {
  if (flushing) return;
  flushing = true;
  try {
    for (let first = queue[0]; first; first = queue[0]) {
      try {
        await send(first);
      } catch (error) {
        if (error instanceof Unreachable) return;
        if (!(error instanceof MethodError || error instanceof Refused)) throw error;
        refused(error);
      }
      queue.shift();
      queued.value = queue.length;
    }
    done();
  } finally {
    flushing = false;
  }
}

effect(() => { if (reached.value && queue.length > 0) void flush(); });
