// Who has looked into one's mailbox by virtue of an office: `/api/v1/accounts/ID/reads` (docs/audit.md).
import { ownAccountId } from '../jmap/client';
import { numberOf, rest } from '../jmap/rest';
import { clock, daysAgo, longTime } from '../ui/format';
import type { IconName } from '../ui/icon-names';

export interface Look {
  id: number;
  /** What was looked at; servers to come may have other words. */
  scope: string;
  /** Whose mailbox: also a shared one that one reads. Null: of no account alone. */
  account?: number | null;
  account_address?: string | null;
  /** Where mail comes to since then. */
  to?: string[];
  /** Address of who did it. */
  by: string;
  /** Empty where none was said. */
  reason: string;
  at: string;
  until: string;
  /** Number of the legal order under which it was done. */
  order: number | null;
}

export interface Looks {
  items: Look[];
  /** Where to go on; null: this is the end. */
  cursor: string | null;
}

/** Rows that are fetched at a time. */
const PAGE = 20;

/** The newest first. Throws as [`rest`]. */
export const load = (cursor: string | null) =>
  rest<Looks>(`accounts/${numberOf(ownAccountId())}/reads?limit=${PAGE}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`);

/** What the settings have words for. */
export const KNOWN = ['trace', 'mail', 'directory', 'impersonation', 'secret', 'redirect', 'member', 'second_factor'] as const;

export type Kind = (typeof KNOWN)[number] | 'other';

export const kindOf = (scope: string): Kind => KNOWN.find((known) => known === scope) ?? 'other';

export const ICON: Record<Kind, IconName> = {
  trace: 'route', mail: 'undo-2', directory: 'list', impersonation: 'mail-open', secret: 'lock-open', redirect: 'forward',
  member: 'plus', second_factor: 'shield-alert', other: 'info',
};

/** The mailbox, where it is not one's own. */
export const elsewhere = (look: Look): string =>
  (look.account && String(look.account) !== numberOf(ownAccountId()) ? (look.account_address ?? '') : '');

/** Until when it went on: the time alone where it is the same day; empty where it ended as it began. */
export function end(look: Look): string {
  const [at, until] = [new Date(look.at), new Date(look.until)];
  if (Number.isNaN(until.getTime()) || until.getTime() - at.getTime() < 60_000) return '';
  return daysAgo(at, until) === 0 ? clock(until) : longTime(look.until);
}
