// What `/api/v1/trace` tells of a letter (docs/sending.md, "Where is my mail?").
import { type Email, type Id } from '../jmap/objects';
import { rest } from '../jmap/rest';

export type State = 'placed' | 'relayed' | 'sent_on' | 'scheduled' | 'waiting' | 'held' | 'failed';

export interface Origin {
  kind: 'remote' | 'submitted' | 'generated';
  ip: string | null;
  helo: string | null;
  protocol: string | null;
  tls: string | null;
}

export interface Item {
  id: Id;
  accepted_at: string;
  sender: string | null;
  recipients: string[];
  message_id: string | null;
  state: State;
  /** Of the recipients so many. */
  failed: number;
  origin: Origin;
  checks: string[];
}

export interface Progress {
  recipient: string;
  state: State;
  at: string;
  next_try: string | null;
  tries: number;
  said: string | null;
  meaning: string | null;
  hop: string | null;
  tls: string | null;
}

export interface Result {
  outcome: 'relayed' | 'deferred' | 'failed';
  said: string;
  recipients: string[];
}

export interface Happening {
  at: string;
  kind: 'queued' | 'placed' | 'sent_on' | 'tried' | 'told' | 'act';
  recipients: string[];
  hop: string | null;
  tls: string | null;
  results: Result[];
  late: boolean | null;
  good: boolean | null;
  notice: string | null;
  act: string | null;
}

export interface Timeline {
  message: Item;
  progress: Progress[];
  events: Happening[];
}

const DAY_MS = 86_400_000;
/** A letter's own date and the server's may differ by so much; the search then needs few days. */
const AROUND_MS = 3 * DAY_MS;

const utc = (ms: number) => `${new Date(ms).toISOString().slice(0, 19)}Z`;

/** The days in which letters of these times were accepted. */
export const around = (first: number, last = first) => ({ since: utc(first - AROUND_MS), until: utc(last + AROUND_MS) });

/** Which acceptances have this letter's Message-ID, the newest first. */
export async function find(email: Pick<Email, 'messageId' | 'receivedAt'>): Promise<Item[]> {
  const id = email.messageId?.[0];
  if (!id) return [];
  const query = new URLSearchParams({ mine: 'true', message_id: id, limit: '10', ...around(Date.parse(email.receivedAt)) });
  return (await rest<{ items: Item[] }>(`trace?${query}`)).items;
}

export const read = (id: Id) => rest<Timeline>(`trace/${encodeURIComponent(id)}?mine=true`);

/** Of several the one that was accepted when this copy came. */
export function nearest(items: Item[], email: Pick<Email, 'receivedAt'>): Item | undefined {
  const at = Date.parse(email.receivedAt);
  const far = (item: Item) => Math.abs(Date.parse(item.accepted_at) - at);
  return [...items].sort((a, b) => far(a) - far(b))[0];
}
