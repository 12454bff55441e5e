// Whom to suggest: those written to and heard from lately.
import { signal } from '@preact/signals';
import { from, own, request } from '../jmap/client';
import type { Address, EmailRow, GetResponse, Principal } from '../jmap/objects';
import { allRows } from '../state/emails';
import { ownByRole } from '../state/mailboxes';
import { isMe, meetSelf } from '../state/self';
import { fold } from '../ui/format';

/** Letters of the Sent folder that are looked through. */
const SENT_MAX = 100;

export const people = signal<Address[]>([]);
function gather(rows: Pick<EmailRow, 'from' | 'to'>[]): void {
  const seen = new Map(people.value.map((one) => [one.email.toLowerCase(), one]));
  for (const row of rows) {
    for (const one of [...(row.to ?? []), ...(row.from ?? [])]) {
      const key = one.email.toLowerCase();
      if (isMe(one) || (seen.get(key)?.name && !one.name)) continue;
      if (!seen.has(key) || one.name) seen.set(key, one);
    }
  }
  people.value = [...seen.values()];
}

/** Words shorter than this name too many. */
const LOOKED_FOR_MIN = 2;
const COLLEAGUES_MAX = 8;
/** Answers kept, so that going back a letter asks nothing. */
const ANSWERS_MAX = 200;

/** Somebody of this system: a person with a position, or an office. */
export interface Colleague extends Address {
  title: string | null;
}

/** Found in the directory so far, whoever was looked for. */
export const colleagues = signal<Colleague[]>([]);
const answered = new Set<string>();

/** RFC 9670 §2.4: looks for people and offices by the words typed, marks or not; without an answer nobody is suggested. */
export async function lookUp(typed: string): Promise<void> {
  const key = fold(typed).trim();
  if (key.length < LOOKED_FOR_MIN || answered.has(key)) return;
  if (answered.size > ANSWERS_MAX) answered.clear();
  answered.add(key);
  try {
    const [, get] = await request<[unknown, GetResponse<Principal>]>([
      ['Principal/query', own({ filter: { text: typed }, limit: COLLEAGUES_MAX })],
      ['Principal/get', own({ '#ids': from(0, 'Principal/query', '/ids'), properties: ['name', 'description', 'email'] })],
    ]);
    const known = new Map(colleagues.value.map((one) => [one.email.toLowerCase(), one]));
    for (const { name, description, email } of get.list) if (email) known.set(email.toLowerCase(), { name, email, title: description });
    colleagues.value = [...known.values()];
  } catch {
    answered.delete(key);
  }
}

let gathered = false;

/** Asks once a page; without an answer one types addresses in full. */
export async function meet(): Promise<void> {
  gather(allRows());
  await meetSelf();
  const sent = ownByRole('sent')?.id;
  if (!sent || gathered) return;
  gathered = true;
  const [, get] = await request<[unknown, GetResponse<EmailRow>]>([
    ['Email/query', own({ filter: { inMailbox: sent }, limit: SENT_MAX, sort: [{ property: 'receivedAt', isAscending: false }] })],
    ['Email/get', own({ '#ids': from(0, 'Email/query', '/ids'), properties: ['id', 'from', 'to'] })],
  ]);
  gather(get.list);
}
