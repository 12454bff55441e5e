// Recipients that are likely not the ones meant. Pure: tested without a page.
import type { Address } from '../jmap/objects';
import { distance, domainOf, isLike, isState } from '../trust/judge';
import { fold } from '../ui/format';
import { type Chip, isOutside } from './address';

/** Where people have their private mail: names that are often misspelt. */
const WELL_KNOWN = ['gmail.com', 'yahoo.com', 'outlook.com', 'hotmail.com', 'icloud.com'];

/** Names that are near to those and exist. */
const REAL = ['ymail.com', 'mail.com', 'email.com', 'outlook.com.vn', 'yahoo.com.vn', 'gmx.com'];
/** Signs that quick fingers miss, double or swap. */
const SLIPS_MAX = 2;

/** The domain that this one is likely a slip of. */
function meantBy(domain: string, own: string, met: ReadonlySet<string>): string | null {
  // Provinces whose names are one letter apart write to each other.
  if (isLike(domain, own) && !(isState(domain) && met.has(domain))) return own;
  if (WELL_KNOWN.includes(domain) || REAL.includes(domain)) return null;
  return WELL_KNOWN.find((one) => Math.abs(one.length - domain.length) <= SLIPS_MAX && distance(domain, one) <= SLIPS_MAX) ?? null;
}

/** More people than this are seldom all meant. */
export const MANY = 20;

export interface Wrong {
  /** Addresses elsewhere that were never written to nor heard from. */
  strangers: string[];
  /** An address, and the domain that it looks like. */
  alike: [email: string, domain: string][];
  /** A name, and another address of somebody of the same name. */
  namesakes: [name: string, email: string][];
  /** How many would see each other, when they are many; 0 else. */
  many: number;
}

/** `people`: those one writes to and hears from; `own`: one's address; `open`: how many are in To and Cc. */
export function wrong(chips: readonly Chip[], people: readonly Address[], own: string, open: number): Wrong {
  const met = new Set(people.map((one) => one.email.toLowerCase()));
  const domains = new Set([...met].map(domainOf));
  const good = chips.filter((chip) => chip.ok);
  const taken = new Set(good.map((chip) => chip.email.toLowerCase()));
  const alike = good.flatMap((chip): [string, string][] => {
    const meant = meantBy(domainOf(chip.email), domainOf(own), domains);
    return meant ? [[chip.email, meant]] : [];
  });
  const isNew = ({ email }: Address) =>
    isOutside(email, own) && !met.has(email.toLowerCase()) && !alike.some(([slip]) => slip === email);
  return {
    strangers: good.filter(isNew).map((chip) => chip.email),
    alike,
    namesakes: good.flatMap((chip): [string, string][] => {
      const name = fold(chip.name ?? '').trim();
      // Who stands among the recipients as well was not mistaken for the other.
      const other = name && people.find((one) => fold(one.name ?? '').trim() === name && !taken.has(one.email.toLowerCase()));
      return other ? [[chip.name ?? '', other.email]] : [];
    }),
    many: open > MANY ? open : 0,
  };
}
