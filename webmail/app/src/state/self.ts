// Who one may be: the addresses that one may send from, and how one signs as each (RFC 8621 §6).
import { signal } from '@preact/signals';
import { boot } from '../boot';
import { own, request } from '../jmap/client';
import type { Address, GetResponse, Identity } from '../jmap/objects';

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

/** Who one may be, and how one signs as each. */
export function meetIdentities(list: Identity[]): void {
  const main = list.find((one) => one.email.toLowerCase() === boot.address.toLowerCase());
  identities.value = list;
  identity.value = main ?? list[0] ?? null;
}

let asked: Promise<void> | null = null;

async function askWho(): Promise<void> {
  const [get] = await request<[GetResponse<Identity>]>([['Identity/get', own({ ids: null })]]);
  meetIdentities(get.list);
}

/** Who one may be; asked once a page, and again after no answer. */
export function meetSelf(): Promise<void> {
  asked ??= askWho().catch((error: unknown) => {
    asked = null;
    throw error;
  });
  return asked;
}
