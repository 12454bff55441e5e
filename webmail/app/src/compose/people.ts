// Whom to suggest: those written to and heard from lately.
import { signal } from '@preact/signals';
import { boot } from '../boot';
import { from, own, request } from '../jmap/client';
import type { Address, EmailRow, GetResponse, Identity } from '../jmap/objects';
import { allRows } from '../state/emails';
import { ownByRole } from '../state/mailboxes';

/** Letters of the Sent folder that are looked through. */
const SENT_MAX = 100;

export const people = signal<Address[]>([]);
/** The addresses that one may send from; one's own main one is `identity`. */
export const identities = signal<Identity[]>([]);
export const identity = signal<Identity | null>(null);

export const isMe = (one: Address) => {
  const key = one.email.toLowerCase();
  return key === boot.address.toLowerCase() || identities.value.some((own) => own.email.toLowerCase() === key);
};

/** The first of these addresses that one may send from. */
export const identityOf = (addresses: readonly string[]): Identity | null => {
  const all = new Map(identities.value.map((one) => [one.email.toLowerCase(), one]));
  for (const address of addresses) {
    const found = all.get(address.toLowerCase());
    if (found) return found;
  }
  return null;
};

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

let asked: Promise<void> | null = null;

async function askWho(): Promise<void> {
  const [get] = await request<[GetResponse<Identity>]>([['Identity/get', own({ ids: null })]]);
  const main = get.list.find((one) => one.email.toLowerCase() === boot.address.toLowerCase());
  identities.value = get.list;
  identity.value = main ?? get.list[0] ?? null;
}

/** Who one may be; asked once a page, and again after no answer. */
export function meetSelf(): Promise<void> {
  asked ??= askWho().catch((error: unknown) => {
    asked = null;
    throw error;
  });
  return asked;
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
