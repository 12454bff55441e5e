// What a new letter begins with: nothing, a quotation, or a saved draft.
import { accountId, isOwn, letterAddress, own, ownAccountId, request } from '../jmap/client';
import { type Address, type BlobCopyResponse, EMAIL_PROPERTIES, type Email, type GetResponse, type Id } from '../jmap/objects';
import { has, isDamaged } from '../state/emails';
import { takeChosen } from '../state/outbox';
import { isMe, meetSelf } from '../state/self';
import { fullAddress, longTime, nameOf, nfc } from '../ui/format';
import { t } from '../ui/i18n';
import { type Chip, chipOf } from './address';
import { cleanHtml, escape, textToHtml } from './clean';
import type { FileItem } from './files';
import { block } from './signature';
import { words } from './words';

export interface Beginning {
  to: Chip[];
  cc: Chip[];
  bcc: Chip[];
  subject: string;
  html: string;
  files: FileItem[];
  inReplyTo: string[] | null;
  references: string[] | null;
  /** The letter that gets $answered or $forwarded once this one is sent. */
  answers: { id: Id; keyword: '$answered' | '$forwarded' } | null;
  /** The draft on the server that the next save replaces. */
  saved: Id | null;
  /** The Message-ID of all its copies, and whether one was made without an answer. */
  messageId?: string;
  unsure?: boolean;
  /** Not before then (RFC 3339); to be told of its arrival; to ask for word that it was read. */
  at?: string | null;
  arrival?: boolean;
  reading?: boolean;
  /** Addresses that it may be sent from, the likeliest first: whom the letter that is answered was for, or who began the draft. */
  as: string[];
  /** Nobody has signed it yet: who sends it does, in the block that waits for it. */
  unsigned?: boolean;
}

export const BLANK: Beginning = {
  to: [], cc: [], bcc: [], subject: '', html: '', files: [], inReplyTo: null, references: null, answers: null, saved: null, as: [],
};

/** A letter that is begun anew. */
export const NEW: Beginning = { ...BLANK, html: `<div><br></div><div><br></div>${block()}`, unsigned: true };

/** Quoting more than this slows the editor down; the letter itself is unharmed. */
const QUOTE_MAX = 300_000;
const BODY_MAX_BYTES = 1_000_000;

/** It is no draft: editing it would take the copy of what was sent. */
export class Sent extends Error {}

const ASKS = 'header:Disposition-Notification-To:asText';

export async function whole(id: Id, account = accountId(), more: string[] = []): Promise<Email> {
  const [get] = await request<[GetResponse<Email>]>([['Email/get', {
    accountId: account, ids: [id], properties: [...EMAIL_PROPERTIES, ...more], fetchAllBodyValues: true, maxBodyValueBytes: BODY_MAX_BYTES,
  }]]);
  const email = get.list[0];
  if (!email) throw new Error('gone');
  return email;
}

const isHtml = (email: Email) => email.htmlBody.some((part) => part.type === 'text/html');

const plainText = (email: Email) =>
  nfc(email.textBody.map((part) => email.bodyValues[part.partId ?? '']?.value ?? '').join('\n'));

/** HTML is taken from the server's cleaned document, never from the raw letter. */
async function bodyHtml(email: Email): Promise<string> {
  // Of a damaged letter only its beginning is left.
  if (isDamaged(email)) return textToHtml(`${nfc(email.preview)}…`);
  if (!isHtml(email)) return textToHtml(plainText(email).slice(0, QUOTE_MAX));
  const answer = await fetch(letterAddress(email.id, false), { credentials: 'same-origin' });
  if (!answer.ok) return textToHtml(plainText(email).slice(0, QUOTE_MAX));
  const text = await answer.text();
  if (text.length > QUOTE_MAX) return textToHtml(plainText(email).slice(0, QUOTE_MAX));
  // The head holds the document's own style, which our policy would only complain about.
  return cleanHtml(text.slice(Math.max(0, text.indexOf('<body'))));
}

const ANSWER_PREFIX = /^\s*(?:re|tl|trả lời|v\/v trả lời)\s*:\s*/iu;
const FORWARD_PREFIX = /^\s*(?:fwd?|ct|chuyển tiếp)\s*:\s*/iu;

export const replySubject = (subject: string | null) => words().rePrefix + nfc(subject).replace(ANSWER_PREFIX, '');
export const forwardSubject = (subject: string | null) => words().fwPrefix + nfc(subject).replace(FORWARD_PREFIX, '');

/** RFC 5322 §3.6.3: to Reply-To or From; "all" adds the other recipients but oneself. */
export function answerTo(email: Pick<Email, 'from' | 'replyTo' | 'to' | 'cc'>, all: boolean): { to: Chip[]; cc: Chip[] } {
  const back = email.replyTo?.length ? email.replyTo : (email.from ?? []);
  // Answering one's own letter goes on with the same people.
  const to = back.length > 0 && back.every(isMe) ? (email.to ?? []) : back;
  if (!all) return { to: to.map(chipOf), cc: [] };
  const seen = new Set(to.map((one) => one.email.toLowerCase()));
  const fresh = (list: Address[] | null) => (list ?? []).filter((one) => {
    const key = one.email.toLowerCase();
    if (isMe(one) || seen.has(key)) return false;
    seen.add(key);
    return true;
  });
  return { to: [...to, ...fresh(email.to)].map(chipOf), cc: fresh(email.cc).map(chipOf) };
}

/** RFC 5322 §3.6.4 */
const REFERENCES_MAX = 50;
function thread(email: Email): Pick<Beginning, 'inReplyTo' | 'references'> {
  const own = email.messageId ?? [];
  const references = [...(email.references ?? email.inReplyTo ?? []), ...own].slice(-REFERENCES_MAX);
  return { inReplyTo: own.length > 0 ? own : null, references: references.length > 0 ? references : null };
}

/** Whom a letter was for: a seat that was written to is likely who answers. */
const reached = (email: Email) => [...(email.to ?? []), ...(email.cc ?? [])].map((one) => one.email);

/** Which of the people of a letter one is oneself must be known before they are answered. */
async function wholeAndSelf(id: Id): Promise<Email> {
  const [email] = await Promise.all([whole(id), meetSelf().catch(() => undefined)]);
  return email;
}

export async function reply(id: Id, all: boolean): Promise<Beginning> {
  const email = await wholeAndSelf(id);
  const who = email.from?.[0] ? nameOf(email.from[0]) : t().noSender;
  const intro = escape(words().onDateWrote(longTime(email.sentAt ?? email.receivedAt), who));
  return {
    ...BLANK, ...answerTo(email, all), ...thread(email),
    subject: replySubject(email.subject),
    unsigned: true,
    html: `${isDamaged(email) ? `<div>${escape(words().askAgainText)}</div>` : '<div><br></div>'}<div><br></div>${block()}<div><br></div><div>${intro}</div><blockquote type="cite">${await bodyHtml(email)}</blockquote>`,
    answers: { id, keyword: '$answered' },
    as: reached(email),
  };
}

export async function forward(id: Id): Promise<Beginning> {
  const email = await wholeAndSelf(id);
  const list = (people: Address[] | null) => escape((people ?? []).map(fullAddress).join(', '));
  const head = [
    [t().from, list(email.from)], [t().date, escape(longTime(email.sentAt ?? email.receivedAt))],
    [t().subject, escape(nfc(email.subject))], [t().to, list(email.to)], [t().cc, list(email.cc)],
  ].filter(([, value]) => value);
  const lines = head.map(([label, value]) => `<div><b>${label}:</b> ${value}</div>`).join('');
  return {
    ...BLANK,
    subject: forwardSubject(email.subject),
    unsigned: true,
    html: `<div><br></div><div><br></div>${block()}<div><br></div><div>${words().forwarded}</div>${lines}<div><br></div>${await bodyHtml(email)}`,
    files: await taken(kept(email)),
    references: thread(email).references,
    answers: { id, keyword: '$forwarded' },
    as: reached(email),
  };
}

/** What hangs on a letter in another's account comes into one's own first (RFC 8620 §6.3). */
async function taken(files: FileItem[]): Promise<FileItem[]> {
  if (isOwn() || files.length === 0) return files;
  const blobIds = files.map((file) => file.blobId);
  const [{ copied }] = await request<[BlobCopyResponse]>([['Blob/copy', own({ fromAccountId: accountId(), blobIds })]]);
  return files.map((file) => {
    const blobId = copied?.[file.blobId ?? ''] ?? null;
    return { ...file, blobId, failed: blobId === null };
  });
}

/** A draft is our own letter: its HTML is cleaned here all the same. */
export async function draft(id: Id): Promise<Beginning> {
  const email: Email & { [ASKS]?: string | null } = await whole(id, ownAccountId(), [ASKS]);
  if (!has(email, '$draft')) throw new Sent();
  const choices = takeChosen(id);
  const value = email.htmlBody.map((part) => email.bodyValues[part.partId ?? '']?.value ?? '').join('');
  return {
    to: (email.to ?? []).map(chipOf), cc: (email.cc ?? []).map(chipOf), bcc: (email.bcc ?? []).map(chipOf),
    subject: nfc(email.subject),
    html: isHtml(email) ? cleanHtml(value) : textToHtml(plainText(email)),
    files: kept(email),
    inReplyTo: email.inReplyTo, references: email.references, answers: choices?.answers ?? null, saved: id,
    at: choices?.at?.toISOString() ?? null, arrival: choices?.receipt ?? false, reading: Boolean(email[ASKS]), as: (email.from ?? []).map((one) => one.email),
  };
}

const kept = (email: Email): FileItem[] => (isDamaged(email) ? [] : email.attachments).flatMap((part, index) => (part.blobId ? [{
  key: -1 - index, name: nfc(part.name) || t().unnamed, type: part.type, size: part.size, blobId: part.blobId, sent: 1, failed: false,
}] : []));
