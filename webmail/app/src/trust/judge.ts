// Whether a letter is from whom it says, by what our server wrote above it: its
// Received, and Authentication-Results (RFC 8601). Pure: tested without a page.
import type { Address } from '../jmap/objects';

export interface Field {
  name: string;
  value: string;
}

/** What a letter shows of where it comes from. `fields`: of its header, in order. */
export interface Evidence {
  from: Address[] | null;
  replyTo: Address[] | null;
  fields: Field[];
}

/**
 * `inside`: its sender signed in here. `state`, `outside`: proved to be of a domain under gov.vn, or of another one.
 * `weak`: signature or sending server are of the sender's domain, which says nothing by DMARC of what is its own.
 * `forged`: it names a domain of this house, was looked at, and is disowned or proves nothing. `failed`: its domain disowns it.
 * `unproved`: nothing is proved. `unchecked`: our server did not look, or got no answer (what a trusted server brought, what
 * was copied from an old one). `none`: it did not come here by mail (one's own copies, letters of the server).
 */
export type Kind = 'inside' | 'state' | 'outside' | 'weak' | 'forged' | 'failed' | 'unproved' | 'unchecked' | 'none';

export interface Judgement {
  kind: Kind;
  /** Of the sender's address, in lower case. */
  domain: string;
  /** The server that brought it, as it called itself. */
  host: string;
  /** What was found, as `trace/story.ts` reads it: `dmarc=pass x.vn`. */
  lines: string[];
  /** A domain of this house that the sender's looks like. */
  like: string | null;
  /** Another address that the sender's name claims to be. */
  named: string | null;
  /** Where answers would go instead of to the sender's domain. */
  answers: string | null;
}

/** Fields looked at; a header with more is not a letter of people. */
const FIELDS_MAX = 400;
/** Octets of one field's value. */
const VALUE_MAX = 10_000;

/** Names under which organisations of Viet Nam register (`tinh.gov.vn`); elsewhere two labels name one. */
const SECOND = /\.(?:gov|edu|com|net|org|ac|int|biz|info|name|pro|health|id|io|ai)\.vn$/;

export const domainOf = (email: string) => email.slice(email.lastIndexOf('@') + 1).toLowerCase();

/** The name that an organisation registered, of which this is a part. */
export function house(domain: string): string {
  return domain.split('.').slice(SECOND.test(`.${domain}`) ? -3 : -2).join('.');
}

export const isState = (domain: string) => domain === 'gov.vn' || domain.endsWith('.gov.vn');

/** Without comments (RFC 5322 §3.2.2), in one line. */
function bare(value: string): string {
  let depth = 0;
  let out = '';
  for (const sign of value.slice(0, VALUE_MAX)) {
    if (sign === '(') depth += 1;
    else if (sign === ')') depth = Math.max(0, depth - 1);
    else if (depth === 0) out += sign;
  }
  return out.replace(/\s+/g, ' ').trim();
}

/** RFC 5321 §4.4: who took the letter, from whom, and whether its sender had signed in (RFC 3848). */
function taken(received: string): { by: string; from: string; own: boolean } {
  const text = bare(received);
  const by = /\bby ([^\s;]+)/i.exec(text)?.[1]?.toLowerCase() ?? '';
  const how = /\bwith ([^\s;]+)/i.exec(text)?.[1] ?? '';
  return { by, from: /^from ([^\s;]+)/i.exec(text)?.[1] ?? '', own: /^(?:(?:UTF8)?SMTP|ESMTP)S?A$|^JMAP$/i.test(how) };
}

const SHOWN: Record<string, RegExp> = {
  spf: /\bsmtp\.mailfrom=("[^"]*"|\S+)/i, dkim: /\bheader\.d=("[^"]*"|\S+)/i, dmarc: /\bheader\.from=("[^"]*"|\S+)/i,
};

/** `dmarc=pass x.vn` for each of SPF, DKIM, DMARC; that of the greeting (a second SPF) says nothing of the sender. */
function linesOf(results: string): string[] {
  return bare(results).split(';').slice(1).flatMap((part) => {
    const [, method = '', result = ''] = /^\s*(spf|dkim|dmarc)\s*=\s*(\w+)/i.exec(part) ?? [];
    const who = SHOWN[method.toLowerCase()]?.exec(part)?.[1];
    if (!who) return [];
    return [`${method.toLowerCase()}=${result.toLowerCase()} ${domainOf(who.replace(/"/g, '')) || '?'}`];
  });
}

interface Word {
  from: string;
  own: boolean;
  lines: string[];
  looked: boolean;
}

/**
 * The server's own word: it stands above the Received that the same server wrote (RFC 8601 §4), and nobody else's does.
 * `host`: our server's name, where the page knows it; what another server took was copied here.
 */
function said(fields: Field[], host: string | null): Word | null {
  const at = fields.findIndex((field) => /^received$/i.test(field.name));
  if (at < 0) return null;
  const way = taken(fields[at]?.value ?? '');
  if (host && way.by !== host.toLowerCase()) return { from: way.from, own: false, lines: [], looked: false };
  const results = fields.slice(0, at).find((field) =>
    /^authentication-results$/i.test(field.name) && bare(field.value).split(/[\s;]/)[0]?.toLowerCase() === way.by);
  return { from: way.from, own: way.own, lines: results ? linesOf(results.value) : [], looked: results !== undefined };
}

/** Signs that are taken for each other in a hurry, as one of them. */
const HOMOGLYPHS: [RegExp, string][] = [[/0/g, 'o'], [/[1i|]/g, 'l'], [/rn/g, 'm'], [/vv/g, 'w'], [/[-_]/g, ''], [/[а]/g, 'a'], [/[е]/g, 'e'], [/[о]/g, 'o']];
const skeleton = (domain: string) =>
  HOMOGLYPHS.reduce((text, [from, to]) => text.replace(from, to), domain.normalize('NFD').replace(/[\u0300-\u036f]/g, '').replace(/đ/g, 'd'));

/** Names longer than this are not compared letter by letter. */
const COMPARED_MAX = 64;

/** How many signs must be put in, taken out or changed (Levenshtein). */
export function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      next[j] = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** Shorter names are like many others. */
const LIKE_MIN = 6;

/** Whether a domain is another one that could be taken for `own`: `tinhrnau.gov.vn`, `tinhmau-gov.vn`, `tinhmau.gov.vn.example`. */
export function isLike(domain: string, own: string): boolean {
  const [there, here] = [house(domain), house(own)];
  if (there === here || Math.max(there.length, here.length) > COMPARED_MAX) return false;
  if (domain.startsWith(`${here}.`) || domain.includes(`.${here}.`)) return true;
  if (skeleton(there) === skeleton(here)) return true;
  // `tinhmau-gov.vn` and `tinhmau.gov-vn.example` hide where the name ends.
  if (skeleton(domain).replace(/\./g, '').startsWith(skeleton(here).replace(/\./g, ''))) return true;
  const name = (text: string) => text.split('.')[0] ?? '';
  return Math.min(name(there).length, name(here).length) >= LIKE_MIN && distance(there, here) <= 1;
}

/** An address in a name is shown larger than the address itself. */
const CLAIMED = /[^\s<>"'(),;:]+@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+/u;

/** `own`: the domains of the addresses that the reader has; `host`: the name by which our server signs what it takes. */
export function judge(evidence: Evidence, own: readonly string[], host: string | null = null): Judgement {
  const sender = evidence.from?.[0];
  const domain = sender ? domainOf(sender.email) : '';
  const way = said(evidence.fields.slice(0, FIELDS_MAX), host);
  const houses = own.map(house);
  const isOurs = houses.includes(house(domain)) && domain !== '';
  const back = evidence.replyTo?.[0];
  const elsewhere = back && sender && house(domainOf(back.email)) !== house(domain) ? back.email : null;
  const claimed = CLAIMED.exec(sender?.name ?? '')?.[0];
  const base = {
    domain, host: way?.from ?? '', lines: way?.lines ?? [],
    like: isOurs || !domain ? null : (own.find((one) => isLike(domain, one)) ?? null),
    named: claimed && domainOf(claimed) !== domain ? claimed : null,
    answers: elsewhere,
  };
  if (!way) return { ...base, kind: 'none', like: null, named: null, answers: null };
  if (way.own) return { ...base, kind: 'inside' };
  const kind = kindOf(way, domain, isOurs, evidence.from?.length ?? 0);
  // Nobody but the state registers names under gov.vn: there two that are alike are two agencies.
  return { ...base, kind, like: kind === 'state' ? null : base.like };
}

function kindOf({ lines, looked }: Word, domain: string, isOurs: boolean, senders: number): Kind {
  const isOf = (who: string | undefined) => house(who ?? '') === house(domain);
  const found = lines.map((line) => /^(\w+)=(\w+) (.*)$/.exec(line)?.slice(1) ?? []);
  const [, result, who] = found.find(([method]) => method === 'dmarc') ?? [];
  // What was proved must be said of the address that is shown, and of one only.
  if (result === 'pass' && senders === 1 && isOf(who)) return isState(domain) ? 'state' : 'outside';
  if (!looked) return 'unchecked';
  if (senders !== 1 || !domain) return 'unproved';
  if (result === 'fail') return isOurs ? 'forged' : 'failed';
  if (found.some(([method, passed, of]) => method !== 'dmarc' && passed === 'pass' && isOf(of))) return 'weak';
  // DNS that is silent, or says what nobody understands, proves nothing against anybody.
  const isOpen = (method?: string) => found.some(([one, word]) => (!method || one === method) && /^(?:temp|perm)error$/.test(word ?? ''));
  if (isOpen('dmarc') || (isOurs && isOpen())) return 'unchecked';
  return isOurs ? 'forged' : 'unproved';
}

/** What the list says of a letter before it is opened; most letters get no mark. */
export function markOf(judgement: Judgement): 'forged' | 'failed' | 'like' | null {
  if (judgement.kind === 'forged' || judgement.kind === 'failed') return judgement.kind;
  return judgement.like && judgement.kind !== 'inside' ? 'like' : null;
}
