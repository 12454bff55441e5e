// The plain-text twin of what was written (RFC 2046 §5.1.4: every letter has one).

const BLOCKS = new Set(['DIV', 'P', 'LI', 'UL', 'OL', 'BLOCKQUOTE', 'H1', 'H2', 'H3', 'H4', 'H5', 'H6', 'PRE', 'TR', 'TABLE', 'HR']);

/** Deeper nesting than any editor makes. */
const DEPTH_MAX = 100;

interface Out {
  lines: string[];
  /** Whether the last line can still be written on. */
  open: boolean;
}

export function htmlToText(html: string): string {
  const parsed = new DOMParser().parseFromString(html, 'text/html');
  const out: Out = { lines: [], open: false };
  walk(parsed.body, '', out, 0);
  return out.lines.map((line) => (line === DASHES ? line : line.replace(/\u200b/g, '').replace(/[ \t\u00a0]+$/, ''))).join('\n').trim();
}

/** RFC 3676 §4.3: what stands behind this line is no part of what is said, so that nothing of a letter may follow. */
const DASHES = '-- ';

/** Something is signed, and nothing but blanks follows. */
function isLast(signature: Element): boolean {
  if (!signature.textContent?.trim()) return false;
  for (let next = signature.nextSibling; next; next = next.nextSibling) if (next.textContent?.trim()) return false;
  return true;
}

function write(text: string, prefix: string, out: Out): void {
  if (out.open) out.lines[out.lines.length - 1] += text;
  else out.lines.push(prefix + text);
  out.open = true;
}

function walk(node: Node, prefix: string, out: Out, depth: number): void {
  if (depth > DEPTH_MAX) return;
  let number = 0;
  for (const child of node.childNodes) {
    if (child.nodeType === Node.TEXT_NODE) {
      const text = (child.nodeValue ?? '').replace(/[ \t\r\n]+/g, ' ');
      if (text.trim() || (text && out.open)) write(text, prefix, out);
      continue;
    }
    if (child.nodeType !== Node.ELEMENT_NODE) continue;
    const element = child as Element;
    const name = element.tagName;
    if (name === 'BR') {
      if (!out.open) out.lines.push(prefix.trimEnd());
      out.open = false;
      continue;
    }
    const block = BLOCKS.has(name);
    if (block) out.open = false;
    if (element.className === 'signature' && isLast(element)) out.lines.push(prefix + DASHES);
    if (name === 'LI') {
      number += 1;
      write(node.nodeName === 'OL' ? `${number}. ` : '- ', prefix, out);
    }
    if (name === 'HR') write('----', prefix, out);
    walk(element, name === 'BLOCKQUOTE' ? `${prefix}> ` : prefix, out, depth + 1);
    if (name === 'TD' || name === 'TH') write('\t', prefix, out);
    if (name === 'A') link(element as HTMLAnchorElement, prefix, out);
    if (block) out.open = false;
  }
}

/** The address of a link whose words do not show it. */
function link(element: HTMLAnchorElement, prefix: string, out: Out): void {
  const href = element.getAttribute('href') ?? '';
  const words = element.textContent?.trim() ?? '';
  if (/^https?:/i.test(href) && words !== href && !href.includes(words)) write(` <${href}>`, prefix, out);
}
