// Foreign HTML on its way into the editor: what is quoted and what is pasted.
// Letters come cleaned by the server already; this is the second lock.
import DOMPurify from 'dompurify';

const TAGS = [
  'a', 'b', 'blockquote', 'br', 'code', 'div', 'em', 'font', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'hr', 'i', 'li', 'ol',
  'p', 'pre', 's', 'span', 'strike', 'strong', 'sub', 'sup', 'table', 'tbody', 'td', 'tfoot', 'th', 'thead', 'tr', 'u', 'ul',
];
/** The class of the block that holds a signature. */
export const SIGNATURE = 'signature';
const LINKS = ['href', 'cite'];
/** Their values are not addresses, so the rule for addresses is not for them. */
const OTHERS = [
  'class', 'title', 'type', 'colspan', 'rowspan', 'align', 'valign', 'border', 'cellpadding', 'cellspacing', 'width', 'start', 'style', 'dir',
];

/** Only what a letter needs; nothing here can name an address. */
const STYLES = [
  'color', 'background-color', 'font-weight', 'font-style', 'text-decoration', 'text-align', 'border', 'border-collapse',
  'padding', 'width', 'white-space',
];

function keepStyles(node: Element): void {
  const style = (node as Partial<HTMLElement>).style;
  if (!style || !node.hasAttribute('style')) return;
  const kept = STYLES.flatMap((name) => {
    const value = style.getPropertyValue(name);
    return value && !/[(\\]|!important/i.test(value.replace(/rgba?\([\d\s.,%/]*\)/g, '')) ? [`${name}:${value}`] : [];
  });
  if (kept.length > 0) node.setAttribute('style', kept.join(';'));
  else node.removeAttribute('style');
}

/** Of all classes the one that says what is a signature, for it is changed with who sends. */
function keepSignature(node: Element): void {
  if (node.hasAttribute('class') && node.getAttribute('class') !== SIGNATURE) node.removeAttribute('class');
}

DOMPurify.addHook('afterSanitizeAttributes', keepStyles);
DOMPurify.addHook('afterSanitizeAttributes', keepSignature);

/** Remote pictures are dropped: quoting a letter must not fetch what opening it did not. */
export function clean(html: string): DocumentFragment {
  const fragment = DOMPurify.sanitize(html, {
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: [...LINKS, ...OTHERS],
    ADD_URI_SAFE_ATTR: OTHERS,
    ALLOWED_URI_REGEXP: /^(?:https?|mailto|tel):/i,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    FORBID_CONTENTS: ['script', 'style', 'title', 'template', 'noscript', 'svg', 'math'],
    RETURN_DOM_FRAGMENT: true,
  });
  return document.importNode(fragment, true);
}

/** The cleaned HTML as text again. */
export function cleanHtml(html: string): string {
  const box = document.createElement('div');
  box.append(clean(html));
  return box.innerHTML;
}

export const escape = (text: string) =>
  text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');

/** Lines of plain text as blocks of the editor. */
export const textToHtml = (text: string) =>
  text.replace(/\r\n?/g, '\n').split('\n').map((line) => `<div>${escape(line) || '<br>'}</div>`).join('');
