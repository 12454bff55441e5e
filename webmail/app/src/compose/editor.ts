// The rich-text field: Squire, with our cleaning of all it is given.
import Squire from 'squire-rte';
import { clean } from './clean';
import { put } from './signature';

export type Format = 'B' | 'I' | 'U' | 'UL' | 'OL' | 'BLOCKQUOTE' | 'A';

export interface Editor {
  html(): string;
  set(html: string): void;
  focus(): void;
  has(format: Format): boolean;
  toggle(format: Exclude<Format, 'A'>): void;
  link(href: string): void;
  unlink(): void;
  plain(): void;
  /** Puts a signature in the place of the one that is there; without one nothing is done. */
  sign(html: string): void;
  selected(): string;
  destroy(): void;
}

interface Events {
  changed: () => void;
  /** The caret stands in other formats than before. */
  moved: () => void;
  files: (files: File[]) => void;
}

export function edit(root: HTMLElement, events: Events): Editor {
  const squire = new Squire(root, {
    blockTag: 'DIV',
    sanitizeToDOMFragment: (html: string) => clean(html),
    didError: () => undefined,
    addLinks: true,
  });
  squire.addEventListener('input', events.changed);
  squire.addEventListener('pathChange', events.moved);
  squire.addEventListener('select', events.moved);
  squire.addEventListener('cursor', events.moved);
  squire.addEventListener('pasteImage', (event) => {
    const data = (event as CustomEvent<{ clipboardData?: DataTransfer }>).detail?.clipboardData;
    const files = [...(data?.files ?? [])];
    if (files.length > 0) events.files(files);
  });
  const toggles: Record<Exclude<Format, 'A'>, [on: () => unknown, off: () => unknown]> = {
    B: [() => squire.bold(), () => squire.removeBold()],
    I: [() => squire.italic(), () => squire.removeItalic()],
    U: [() => squire.underline(), () => squire.removeUnderline()],
    UL: [() => squire.makeUnorderedList(), () => squire.removeList()],
    OL: [() => squire.makeOrderedList(), () => squire.removeList()],
    BLOCKQUOTE: [() => squire.increaseQuoteLevel(), () => squire.decreaseQuoteLevel()],
  };
  return {
    // Squire leaves U+200B in the live tree; its own getHTML takes most out.
    html: () => squire.getHTML().replace(/\u200b/g, ''),
    set(html) {
      squire.setHTML(html);
      squire.moveCursorToStart();
    },
    focus: () => void squire.focus(),
    has: (format) => squire.hasFormat(format),
    toggle(format) {
      const [on, off] = toggles[format];
      (squire.hasFormat(format) ? off : on)();
      squire.focus();
    },
    link: (href) => void squire.makeLink(href).focus(),
    unlink: () => void squire.removeLink().focus(),
    plain: () => void squire.removeAllFormatting().focus(),
    // Nobody has written this: a letter that is only signed is no draft yet.
    sign: (html) => void squire.modifyDocument(() => put(root, html)),
    selected: () => squire.getSelectedText(),
    destroy: () => squire.destroy(),
  };
}
