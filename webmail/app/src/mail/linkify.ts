// Plain text into runs of text and links: no markup is ever made here.

export type Run = string | { href: string; text: string };

/** Longer lines are not searched for links: they are data, not prose. */
const LINE_MAX = 20_000;

const LINK = /\bhttps?:\/\/[^\s<>"'）】]+|\bwww\.[^\s<>"'）】]+|[\p{L}\p{N}._%+-]+@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+/giu;
const TAIL = /[.,;:!?)\]}]+$/;

export function linkify(text: string): Run[] {
  if (text.length > LINE_MAX) return [text];
  const runs: Run[] = [];
  let end = 0;
  for (const match of text.matchAll(LINK)) {
    const tail = TAIL.exec(match[0])?.[0] ?? '';
    // A bracket opened inside the address belongs to it: …/wiki/Hà_Nội_(tỉnh)
    const whole = tail.startsWith(')') && match[0].includes('(') ? match[0].slice(0, match[0].length - tail.length + 1)
      : match[0].slice(0, match[0].length - tail.length);
    if (!whole) continue;
    if (match.index > end) runs.push(text.slice(end, match.index));
    const href = /^https?:/i.test(whole) ? whole
      : /^www\./i.test(whole) ? `https://${whole}` : `#/compose/new?to=${encodeURIComponent(whole)}`;
    runs.push({ href, text: whole });
    end = match.index + whole.length;
  }
  if (end < text.length) runs.push(text.slice(end));
  return runs;
}

export interface Block {
  quoted: boolean;
  text: string;
}

/** Shorter quotations are part of the talk and stay open. */
const QUOTE_MIN_LINES = 4;

/** Splits a letter into what was written and what was quoted with `>`. */
export function blocks(text: string): Block[] {
  const found: Block[] = [];
  for (const line of text.replace(/\r\n?/g, '\n').split('\n')) {
    const quoted = line.startsWith('>');
    const last = found.at(-1);
    if (last && last.quoted === quoted) last.text += `\n${line}`;
    else found.push({ quoted, text: line });
  }
  return found.map((block) => (
    block.quoted && block.text.split('\n').length < QUOTE_MIN_LINES ? { ...block, quoted: false } : block));
}
