// What people type into To, Cc and Bcc.
import type { Address } from '../jmap/objects';
import { fold, nfc } from '../ui/format';

export interface Chip extends Address {
  /** False for what is not an address: it is shown and keeps the letter from going. */
  ok: boolean;
}

/** RFC 5321 §4.5.3.1: 64 octets before the sign, 254 in all. */
const LOCAL_MAX = 64;
const ADDRESS_MAX = 254;
const ADDRESS = /^[^\s@<>()[\],;:"\\]+@(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]*[\p{L}\p{N}])?\.)+[\p{L}\p{N}-]{2,}$/u;
const octets = (text: string) => new TextEncoder().encode(text).length;

export function isAddress(text: string): boolean {
  const local = text.slice(0, text.lastIndexOf('@'));
  return ADDRESS.test(text) && octets(local) <= LOCAL_MAX && octets(text) <= ADDRESS_MAX
    && !local.startsWith('.') && !local.endsWith('.') && !local.includes('..');
}

/** One entry: `Nguyễn Văn An <annv@…>`, `"An, Nguyễn" <annv@…>` or `annv@…`. */
export function chip(text: string): Chip {
  const clean = nfc(text).trim();
  const named = /^\s*(?:"([^"]*)"|([^<]*?))\s*<([^<>]*)>\s*$/.exec(clean);
  const email = (named ? (named[3] ?? '') : clean.replace(/^mailto:/i, '')).trim();
  const name = named ? (named[1] ?? named[2] ?? '').trim() || null : null;
  return { name, email: email || clean, ok: isAddress(email) };
}

/** Splits at commas, semicolons and line ends, but not inside quotes or angle brackets. */
export function split(text: string): Chip[] {
  const parts = text.match(/(?:"[^"]*"|<[^>]*>|[^,;\n"<]|["<])+/g) ?? [];
  return parts.map((part) => part.trim()).filter(Boolean).map(chip);
}

export const chipOf = ({ name, email }: Address): Chip => ({ name, email, ok: isAddress(email) });

/** Without those whose address is there already, in any case. */
export function added(list: Chip[], more: Chip[]): Chip[] {
  const all = [...list];
  for (const one of more) {
    if (!all.some((chip) => chip.email.toLowerCase() === one.email.toLowerCase())) all.push(one);
  }
  return all;
}

/** Outside of the house and of gov.vn. */
export function isOutside(email: string, own: string): boolean {
  const domain = email.slice(email.lastIndexOf('@') + 1).toLowerCase();
  const home = own.slice(own.lastIndexOf('@') + 1).toLowerCase();
  return domain !== home && domain !== 'gov.vn' && !domain.endsWith('.gov.vn');
}

const SUGGESTED_MAX = 6;

/** Those whose name, position or address has every word typed, found without marks; each address once, as it is met first. */
export function suggest<T extends Address & { title?: string | null }>(people: T[], typed: string, taken: Address[]): T[] {
  const words = fold(typed).split(/\s+/).filter(Boolean);
  if (words.length === 0) return [];
  const there = new Set(taken.map((one) => one.email.toLowerCase()));
  const found: T[] = [];
  for (const one of people) {
    const text = fold(`${one.name ?? ''} ${one.title ?? ''} ${one.email}`);
    if (there.has(one.email.toLowerCase()) || !words.every((word) => text.includes(word))) continue;
    there.add(one.email.toLowerCase());
    found.push(one);
    if (found.length === SUGGESTED_MAX) break;
  }
  return found;
}
