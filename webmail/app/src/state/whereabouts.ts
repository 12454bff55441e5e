// What became of the letters in Sent, as far as it was asked (`trace/sent.ts`).
import { signal } from '@preact/signals';
import type { Id } from '../jmap/objects';

export interface Whereabouts {
  state: 'arrived' | 'waiting' | 'failed';
  /** Recipients to whom it could not be delivered, and all of them. */
  failed: number;
  of: number;
}

export const whereabouts = signal<ReadonlyMap<Id, Whereabouts>>(new Map());
