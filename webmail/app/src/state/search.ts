// The search box: words, and `từ:`, `đến:`, `tiêu đề:`, `có:tệp`, `chưa:đọc`
// (or from:, to:, subject:, has:file, is:unread) as RFC 8621 §4.4.1 filters.
import { fold } from '../ui/format';

type Filter = Record<string, unknown>;

/** Longer than this is a paste by mistake. */
const SEARCH_MAX = 500;

const FIELDS: Record<string, string> = {
  tu: 'from', from: 'from', den: 'to', to: 'to', 'tieu de': 'subject', tieude: 'subject', subject: 'subject',
};

const FLAGS: Record<string, Filter> = {
  'co:tep': { hasAttachment: true },
  'has:file': { hasAttachment: true },
  'has:attachment': { hasAttachment: true },
  'chua:doc': { notKeyword: '$seen' },
  'is:unread': { notKeyword: '$seen' },
  'co:co': { hasKeyword: '$flagged' },
  'is:flagged': { hasKeyword: '$flagged' },
};

const WORD = /(tiêu đề|tieu de|[\p{L}]+):("[^"]*"|\S*)|"[^"]*"|\S+/giu;

/** A field's value runs on to the next field: `từ:Sở Nội vụ có:tệp`. */
export function parseSearch(text: string): Filter {
  const conditions: Filter[] = [];
  let field = 'text';
  let words: string[] = [];
  const close = () => {
    if (words.length > 0) conditions.push({ [field]: words.join(' ') });
    words = [];
    field = 'text';
  };
  for (const match of text.slice(0, SEARCH_MAX).normalize('NFC').matchAll(WORD)) {
    const whole = match[0];
    const flag = FLAGS[fold(whole)];
    const name = match[1] === undefined ? undefined : FIELDS[fold(match[1])];
    if (flag) {
      close();
      conditions.push(flag);
    } else if (name) {
      close();
      field = name;
      const value = (match[2] ?? '').replace(/"/g, '');
      if (value) words.push(value);
      if (match[2]?.startsWith('"')) close();
    } else {
      words.push(whole.replace(/"/g, ''));
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
