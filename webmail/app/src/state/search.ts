// The search box: words and operators in Vietnamese and English, with or without
// marks, as RFC 8621 §4.4.1 filters: `từ:`, `from:`, `có:tệp`, `trước:2026-01-01`.
import type { Id } from '../jmap/objects';
import { fold } from '../ui/format';

export type Filter = Record<string, unknown>;

/** What operators name: oneself, one's mailboxes, today. */
export interface Surroundings {
  me: string;
  boxes: { id: Id; name: string }[];
  now: Date;
}

/** Longer than this is a paste by mistake. */
const SEARCH_MAX = 500;

/** Operators whose value runs on to the next operator: `từ:Sở Nội vụ có:tệp`. */
const FIELDS: Record<string, string> = {
  tu: 'from', from: 'from', den: 'to', toi: 'to', to: 'to', cc: 'cc', bcc: 'bcc', 'tieu de': 'subject', tieude: 'subject', subject: 'subject',
  'noi dung': 'body', noidung: 'body', body: 'body',
};

const FLAGS: Record<string, Filter> = {
  'co:tep': { hasAttachment: true }, 'has:file': { hasAttachment: true }, 'has:attachment': { hasAttachment: true },
  'chua:doc': { notKeyword: '$seen' }, 'is:unread': { notKeyword: '$seen' },
  'da:doc': { hasKeyword: '$seen' }, 'is:read': { hasKeyword: '$seen' },
  'co:co': { hasKeyword: '$flagged' }, 'is:flagged': { hasKeyword: '$flagged' },
  'da:traloi': { hasKeyword: '$answered' }, 'is:answered': { hasKeyword: '$answered' },
  'chua:traloi': { notKeyword: '$answered' }, 'is:unanswered': { notKeyword: '$answered' },
  'da:xuly': { hasKeyword: 'handled' }, 'is:handled': { hasKeyword: 'handled' },
  'chua:xuly': { notKeyword: 'handled' }, 'is:unhandled': { notKeyword: 'handled' },
};

const day = (date: Date, later = 0) =>
  new Date(date.getFullYear(), date.getMonth(), date.getDate() + later).toISOString().replace('.000', '');

/** `2026-11-20`, `20/11/2026`, `20/11`, `hômnay`, `hômqua`, `7ngày` ago; null when it is no day. */
export function dayOf(text: string, now: Date): Date | null {
  const word = fold(text);
  if (word === 'homnay' || word === 'today') return now;
  const ago = word === 'homqua' || word === 'yesterday' ? 1 : Number(/^(\d{1,4})(?:ngay|d|days?)$/.exec(word)?.[1] ?? NaN);
  if (!Number.isNaN(ago)) return new Date(now.getFullYear(), now.getMonth(), now.getDate() - ago);
  const iso = /^(\d{4})-(\d{1,2})(?:-(\d{1,2}))?$/.exec(word);
  const here = /^(\d{1,2})[/.-](\d{1,2})(?:[/.-](\d{4}))?$/.exec(word);
  const [year, month, date] = iso ? [iso[1], iso[2], iso[3] ?? 1] : here ? [here[3] ?? now.getFullYear(), here[2], here[1]] : [];
  if (!year || !month || !date) return null;
  const found = new Date(Number(year), Number(month) - 1, Number(date));
  // The 31st of November is no day.
  return found.getMonth() === Number(month) - 1 && found.getDate() === Number(date) ? found : null;
}

const SIZES: Record<string, number> = { '': 1, k: 1e3, kb: 1e3, m: 1e6, mb: 1e6, g: 1e9, gb: 1e9 };

function octets(text: string): number | null {
  const [, amount, unit = ''] = /^(\d+(?:[.,]\d+)?)(k|kb|m|mb|g|gb)?$/.exec(fold(text)) ?? [];
  return amount ? Math.min(Number.MAX_SAFE_INTEGER, Math.round(Number(amount.replace(',', '.')) * (SIZES[unit] ?? 1))) : null;
}

type Made = (value: string, at: Surroundings) => Filter | null;

const before: Made = (value, { now }) => {
  const found = dayOf(value, now);
  return found && { before: day(found) };
};
const after: Made = (value, { now }) => {
  const found = dayOf(value, now);
  // A day without its year that is still to come was meant of last year.
  if (found && found > now && !/\d{4}/.test(value)) found.setFullYear(found.getFullYear() - 1);
  return found && { after: day(found) };
};
const on: Made = (value, { now }) => {
  const found = dayOf(value, now);
  return found && { after: day(found), before: day(found, 1) };
};
const larger: Made = (value) => {
  const size = octets(value);
  return size === null ? null : { minSize: size };
};
const smaller: Made = (value) => {
  const size = octets(value);
  return size === null ? null : { maxSize: size };
};
const tight = (text: string) => fold(text).replace(/\s+/g, '');
/** `trong:"Hộp thư đến"`: the mailbox of this name, else the first whose name begins so. */
const inside: Made = (value, { boxes }) => {
  const wanted = tight(value);
  const found = wanted && (boxes.find((box) => tight(box.name) === wanted) ?? boxes.find((box) => tight(box.name).startsWith(wanted)));
  return found ? { inMailbox: found.id } : null;
};
const label: Made = (value) => {
  const word = tight(value);
  const key = Object.hasOwn(LABEL_WORDS, word) ? LABEL_WORDS[word] : (/^[\w$-]+$/.test(value) ? value.toLowerCase() : null);
  return key ? { hasKeyword: key } : null;
};

/** Names of the labels, folded, as keywords (`state/labels.ts`). */
const LABEL_WORDS: Record<string, string> = {
  quantrong: '$label1', important: '$label1', congviec: '$label2', work: '$label2', canhan: '$label3', personal: '$label3',
  canlam: '$label4', todo: '$label4', desau: '$label5', later: '$label5',
};

/** Operators with a value of one word, or of several in quotes. */
const VALUES: Record<string, Made> = {
  truoc: before, before, sau: after, after, since: after, ngay: on, on, date: on,
  lonhon: larger, larger, nhohon: smaller, smaller, trong: inside, in: inside, nhan: label, label,
};

const WORD = /(-?)(tiêu đề|tieu de|nội dung|noi dung|[\p{L}]+):("[^"]*"|\S*)|(-?)("[^"]*"|\S+)/giu;

/** What stands in quotes is found as it stands: the server takes it for one phrase, in which `\` is for quotes. A lone quote is none. */
const phraseOf = (text: string) => (/^".+"$/.test(text) ? text.replace(/\\/g, '\\\\') : text.replace(/"/g, ''));

const negated = (filter: Filter, not: boolean): Filter => (not ? { operator: 'NOT', conditions: [filter] } : filter);

/** Reads what was typed. What is no operator is a word to be found. */
export function parseSearch(text: string, at: Surroundings = { me: '', boxes: [], now: new Date() }): Filter {
  const conditions: Filter[] = [];
  let field = 'text';
  let not = false;
  let words: string[] = [];
  const close = () => {
    const value = words.join(' ');
    const isMe = field !== 'text' && at.me && /^(?:toi|me)$/.test(fold(value));
    if (value) conditions.push(negated({ [field]: isMe ? at.me : value }, not));
    [words, field, not] = [[], 'text', false];
  };
  for (const match of text.slice(0, SEARCH_MAX).normalize('NFC').matchAll(WORD)) {
    const [whole, minus, name, quoted = '', minusWord, word = ''] = match;
    const key = name === undefined ? '' : fold(name);
    const value = quoted.replace(/"/g, '');
    const phrase = phraseOf(quoted);
    const flag = Object.hasOwn(FLAGS, `${key}:${fold(value)}`) ? FLAGS[`${key}:${fold(value)}`] : undefined;
    const made = flag ?? (value && Object.hasOwn(VALUES, key) ? VALUES[key]?.(value, at) : null);
    if (made) {
      close();
      conditions.push(negated(made, minus === '-'));
    } else if (Object.hasOwn(FIELDS, key)) {
      close();
      [field, not] = [FIELDS[key] ?? 'text', minus === '-'];
      if (value) words.push(phrase);
      if (quoted.startsWith('"')) close();
    } else if (minusWord === '-' && /^["\p{L}]/u.test(word)) {
      close();
      conditions.push(negated({ text: phraseOf(word) }, true));
    } else {
      words.push(phraseOf(whole));
    }
  }
  close();
  const only = conditions[0];
  if (!only) return {};
  return conditions.length === 1 ? only : { operator: 'AND', conditions };
}

/** Both conditions hold. */
export function both(a: Filter, b: Filter): Filter {
  if (Object.keys(a).length === 0) return b;
  if (Object.keys(b).length === 0) return a;
  return 'operator' in a || 'operator' in b || Object.keys(a).some((key) => key in b)
    ? { operator: 'AND', conditions: [a, b] }
    : { ...a, ...b };
}
