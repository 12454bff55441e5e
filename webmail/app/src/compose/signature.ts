// What stands below one's words: a block of its own in the letter, so that it is changed with who sends.
import type { Identity } from '../jmap/objects';
import { SIGNATURE, clean, textToHtml } from './clean';

const NONE = '<div><br></div>';

/** The block, with nothing in it yet. */
export const block = () => `<div class="${SIGNATURE}">${NONE}</div>`;

/** How somebody signs, as HTML; a plain signature keeps its lines. */
export const signatureOf = ({ htmlSignature, textSignature }: Identity): string =>
  (htmlSignature || (textSignature ? textToHtml(textSignature) : ''));

const INLINE = new Set(['A', 'B', 'BR', 'CODE', 'EM', 'FONT', 'I', 'S', 'SPAN', 'STRIKE', 'STRONG', 'SUB', 'SUP', 'U']);

/** Lines of their own within the block: without them a new line at its end would make a second block. */
export function inLines(fragment: Node): Node[] {
  const lines: Node[] = [];
  let open: HTMLElement | null = null;
  for (const node of [...fragment.childNodes]) {
    const inline = node.nodeType === Node.TEXT_NODE || INLINE.has(node.nodeName);
    if (!inline || node.nodeName === 'BR') {
      if (!inline) lines.push(node);
      else if (!open) lines.push(blank());
      open = null;
      continue;
    }
    if (!open) {
      if (node.nodeType === Node.TEXT_NODE && !node.nodeValue?.trim()) continue;
      lines.push((open = document.createElement('div')));
    }
    open.append(node);
  }
  return lines.length > 0 ? lines : [blank()];
}

function blank(): HTMLElement {
  const line = document.createElement('div');
  line.append(document.createElement('br'));
  return line;
}

/** The block of a letter: the first that is not quoted. */
const blockIn = (root: Element) => [...root.querySelectorAll(`.${SIGNATURE}`)].find((one) => !one.closest('blockquote'));

/** Puts it into the block; where a person took the block out, nothing is signed. */
export function put(root: Element, html: string): void {
  blockIn(root)?.replaceChildren(...inLines(clean(html)));
}
