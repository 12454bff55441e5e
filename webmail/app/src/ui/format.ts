// Dates, sizes, names and initials as people here write them.
import type { Address } from '../jmap/objects';
import { locale, t } from './i18n';

const DAY_MS = 86_400_000;

/** Strips marks, so that "chiem" finds "Chiêm": NFD, no U+0300–U+036F, đ to d. */
export const fold = (text: string) =>
  text.normalize('NFD').replace(/[\u0300-\u036f]/g, '').replace(/đ/g, 'd').replace(/Đ/g, 'D').toLowerCase();

/** Shown text is NFC: the font's subset lacks some marks alone. */
export const nfc = (text: string | null | undefined) => (text ?? '').normalize('NFC').replace(BIDI, '');

/** Overrides of direction can make `exe.fdp` look like a PDF; no name or subject needs them. */
const BIDI = /[\u202a-\u202e\u2066-\u2069]/g;

export const number = (n: number) => new Intl.NumberFormat(locale()).format(n);

export const percent = (part: number) =>
  new Intl.NumberFormat(locale(), { style: 'percent', maximumFractionDigits: 0 }).format(part);

export function size(bytes: number): string {
  const [value, unit] =
    bytes < 1_000 ? [bytes, 'B'] : bytes < 1_000_000 ? [bytes / 1_000, 'KB']
      : bytes < 1e9 ? [bytes / 1e6, 'MB'] : [bytes / 1e9, 'GB'];
  const digits = value < 10 && unit !== 'B' ? 1 : 0;
  return `${new Intl.NumberFormat(locale(), { maximumFractionDigits: digits }).format(value)} ${unit}`;
}

const dayOf = (date: Date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();

/** Whole days between two moments by the local calendar. */
export const daysAgo = (date: Date, now: Date) => Math.round((dayOf(now) - dayOf(date)) / DAY_MS);

/** The time column: `09:42` today, `19/11` this year, `19/11/2025` before. */
export function shortTime(iso: string, now = new Date()): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return '';
  if (daysAgo(date, now) === 0) return clock(date);
  const year = date.getFullYear() === now.getFullYear() ? undefined : 'numeric';
  return new Intl.DateTimeFormat(locale(), { day: '2-digit', month: '2-digit', year }).format(date).replace(/-/g, '/');
}

export const clock = (date: Date) =>
  new Intl.DateTimeFormat(locale(), { hour: '2-digit', minute: '2-digit', hour12: false }).format(date);

/** The reader's date: `Thứ Sáu, 20/11/2026, 09:42`. */
export function longTime(iso: string): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return '';
  const day = new Intl.DateTimeFormat(locale(), { weekday: 'long', day: '2-digit', month: '2-digit', year: 'numeric' });
  return `${day.format(date)}, ${clock(date)}`;
}

/** The strip above the list: the span of time its first row belongs to. */
export function dayGroup(iso: string, now = new Date()): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return '';
  const ago = daysAgo(date, now);
  if (ago <= 0) return t().today;
  if (ago === 1) return t().yesterday;
  // Monday begins the week here.
  if (ago <= (now.getDay() + 6) % 7) return t().thisWeek;
  const month = new Intl.DateTimeFormat(locale(), { month: 'long', year: 'numeric' }).format(date);
  return month.charAt(0).toLocaleUpperCase() + month.slice(1);
}

export const nameOf = (address: Address) => nfc(address.name).trim() || address.email;

/** Pieces between which an address breaks, if it must: before its domain. */
export const breaks = (address: string) => address.split(/(?=@)/);

/** `Nguyễn Văn An <annv@…>`, or the address alone. */
export const fullAddress = (address: Address) =>
  address.name ? `${nfc(address.name)} <${address.email}>` : address.email;

/** Vietnamese names end in the given name: first and last word. */
export function initials(name: string): string {
  const words = name.replace(/[^\p{L}\p{N} .@-]/gu, '').split(/[\s.@-]+/).filter(Boolean);
  const first = words[0]?.charAt(0) ?? '?';
  const last = words.length > 1 && !name.includes('@') ? (words.at(-1)?.charAt(0) ?? '') : '';
  return (first + last).toLocaleUpperCase();
}

const TONES = ['', 'g', 'y', 'r'];

/** The same person has the same colour everywhere. */
export function tone(email: string): string {
  let sum = 0;
  for (const unit of email.toLowerCase()) sum = (sum * 31 + (unit.codePointAt(0) ?? 0)) % 997;
  return TONES[sum % TONES.length] ?? '';
}

/** The coloured square of a file: its letters and its class. */
export function fileKind(name: string, type: string): { label: string; tone: string } {
  const extension = /\.([a-z0-9]{1,4})$/i.exec(name)?.[1]?.toUpperCase() ?? '';
  const label = extension || (type.split('/')[1] ?? '').slice(0, 4).toUpperCase() || '?';
  if (/^PDF$/.test(label)) return { label, tone: 'r' };
  if (/^(XLSX?|ODS|CSV)$/.test(label)) return { label: label.slice(0, 3), tone: 'g' };
  if (/^(DOCX?|ODT|RTF|TXT)$/.test(label)) return { label: label.slice(0, 3), tone: '' };
  if (/^(PPTX?|ODP|ZIP|RAR|7Z)$/.test(label)) return { label: label.slice(0, 3), tone: 'y' };
  return { label, tone: 'n' };
}
