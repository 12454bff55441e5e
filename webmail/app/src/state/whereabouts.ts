// What became of the letters in Sent, as far as it was asked (`trace/sent.ts`).
import { signal } from '@preact/signals';
import type { Id } from '../jmap/objects';

export type Whereabouts = 'arrived' | 'waiting' | 'failed';

export const whereabouts = signal<ReadonlyMap<Id, Whereabouts>>(new Map());
