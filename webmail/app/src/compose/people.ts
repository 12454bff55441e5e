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
export const identity = signal<Identity | null>(null);

function gather(rows: Pick<EmailRow, 'from' | 'to'>[]): void {
  const seen = new Map(people.value.map((one) => [one.email.toLowerCase(), one]));
  for (const row of rows) {
    for (const one of [...(row.to ?? []), ...(row.from ?? [])]) {
      const key = one.email.toLowerCase();
      if (key === boot.address.toLowerCase() || (seen.get(key)?.name && !one.name)) continue;
      if (!seen.has(key) || one.name) seen.set(key, one);
    }
  }
  people.value = [...seen.values()];
}

/** Asks once a page; without an answer one types addresses in full. */
export async function meet(): Promise<void> {
  gather(allRows());
  if (identity.value) return;
  const sent = ownByRole('sent')?.id;
  const [identities] = await request<[GetResponse<Identity>]>([['Identity/get', own({ ids: null })]]);
  const main = identities.list.find((one) => one.email.toLowerCase() === boot.address.toLowerCase());
  identity.value = main ?? identities.list[0] ?? null;
  if (!sent) return;
  const [, get] = await request<[unknown, GetResponse<EmailRow>]>([
    ['Email/query', own({ filter: { inMailbox: sent }, limit: SENT_MAX, sort: [{ property: 'receivedAt', isAscending: false }] })],
    ['Email/get', own({ '#ids': from(0, 'Email/query', '/ids'), properties: ['id', 'from', 'to'] })],
  ]);
  gather(get.list);
}
