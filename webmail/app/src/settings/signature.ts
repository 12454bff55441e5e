// How one signs from each address: RFC 8621 §6 Identity.
import { boot } from '../boot';
import { type Call, currentSession, own, ownAccountId, request } from '../jmap/client';
import type { Address, GetResponse, Identity, Principal, SetError, SetResponse } from '../jmap/objects';
import { meetIdentities } from '../state/self';
import { lang } from '../ui/i18n';

/** Octets, as the server has it (`directory::signature`). */
export const TEXT_MAX = 8 * 1024;

const PRINCIPALS = 'urn:ietf:params:jmap:principals';

export interface Loaded {
  list: Identity[];
  /** One's position, where the directory knows it. */
  position: string | null;
}

const get = (): Call => ['Identity/get', own({ ids: null })];

export async function load(): Promise<Loaded> {
  const self = currentSession().accounts[ownAccountId()]?.accountCapabilities?.[PRINCIPALS]?.currentUserPrincipalId;
  const calls = [get()];
  if (typeof self === 'string') calls.push(['Principal/get', own({ ids: [self], properties: ['description'] })]);
  const [identities, principals] = await request<[GetResponse<Identity>, GetResponse<Principal>?]>(calls);
  meetIdentities(identities.list);
  return { list: identities.list, position: principals?.list[0]?.description ?? null };
}

/** The server refuses what is in a property. */
export class Refusal extends Error {
  constructor(readonly error: SetError & { properties?: string[] }) {
    super(error.type);
  }
}

/** All of them as they are then. Throws [`Refusal`]. */
export async function save(id: string, patch: Partial<Identity>): Promise<Identity[]> {
  const [set, got] = await request<[SetResponse, GetResponse<Identity>]>([['Identity/set', own({ update: { [id]: patch } })], get()]);
  const refused = set.notUpdated?.[id];
  if (refused) throw new Refusal(refused);
  meetIdentities(got.list);
  return got.list;
}

export interface Draft {
  plain: boolean;
  html: string;
  text: string;
  name: string;
  reply: string;
}

export const draftOf = (one: Identity): Draft => ({
  plain: !one.htmlSignature && Boolean(one.textSignature), html: one.htmlSignature ?? '', text: one.textSignature ?? '', name: one.name,
  reply: (one.replyTo ?? []).map((to) => to.email).join(', '),
});

/** What the words are without their form: nothing, where there is nothing to be seen. */
const isEmpty = (html: string) => html.replace(/<[^>]*>|&nbsp;|\s/g, '') === '';

/** A formatted one has a plain twin, which other programs use; of a plain one nothing else is left. */
export function patchOf(draft: Draft, before: Identity, toText: (html: string) => string, replyTo: Address[]): Partial<Identity> {
  const html = draft.plain || isEmpty(draft.html) ? '' : draft.html;
  const text = draft.plain ? draft.text.trim() : toText(html);
  return {
    htmlSignature: html.normalize('NFC'), textSignature: text.normalize('NFC'),
    ...(draft.name.trim() === before.name ? {} : { name: draft.name.trim().normalize('NFC') }),
    ...(draft.reply === draftOf(before).reply ? {} : { replyTo: replyTo.length > 0 ? replyTo : null }),
  };
}

const escape = (text: string) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');

/** The form that agencies use: who, as what, where, and how to reach him; the telephone is for the person to fill in. */
export function template(one: Identity, position: string | null, said: { phone: string; mail: string }): string {
  const agency = lang.value === 'en' ? (boot.agencyEn ?? boot.agency) : boot.agency;
  // A seat is what it is called: its holder's position is another thing.
  const isSelf = one.email.toLowerCase() === boot.address.toLowerCase();
  const lines = [
    `<b>${escape(one.name)}</b>`, isSelf ? escape(position ?? '') : '', escape(agency ?? ''), `${said.phone}: `, `${said.mail}: ${escape(one.email)}`,
  ];
  return lines.filter(Boolean).map((line) => `<div>${line}</div>`).join('');
}

/** The same as lines. */
export const asLines = (html: string): string => html.replace(/<\/div>/g, '\n').replace(/<[^>]*>/g, '')
  .replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&amp;/g, '&').trimEnd();
