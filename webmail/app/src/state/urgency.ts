// How urgent official mail is, by the mark at the head of its subject: everybody sees
// it, and the server sends it earlier (docs/sending.md).

export const URGENCIES = ['urgent', 'very', 'most'] as const;
export type Urgency = (typeof URGENCIES)[number];

const MARKS: Record<Urgency, string> = { urgent: 'KHẨN', very: 'THƯỢNG KHẨN', most: 'HỎA TỐC' };

/** As the server reads it (`delivery::urgency`): `[KHẨN] …`, `Hỏa tốc: …`; a word of the sentence is no mark. */
const MARK = /^[\s[(*–-]*(hỏa tốc|hoả tốc|thượng khẩn|khẩn)\s*(?:[\])*:–.!,;-]+\s*|$)/iu;

/** What is marked, and the subject without the mark. */
export function marked(subject: string): { urgency: Urgency | null; rest: string } {
  const found = MARK.exec(subject.normalize('NFC'));
  if (!found) return { urgency: null, rest: subject };
  const word = (found[1] ?? '').toLowerCase();
  const urgency = word === 'khẩn' ? 'urgent' : word === 'thượng khẩn' ? 'very' : 'most';
  return { urgency, rest: subject.normalize('NFC').slice(found[0].length) };
}

/** The subject marked as this urgent, or not at all. */
export const withMark = (subject: string, urgency: Urgency | null) =>
  (urgency ? `[${MARKS[urgency]}] ` : '') + marked(subject).rest;
