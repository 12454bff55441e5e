// A menu button: WAI-ARIA's pattern, one open at a time, closed by Escape,
// Tab, a click elsewhere or a choice.
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Icon } from './Icon';
import type { IconName } from './icon-names';

export interface Item {
  label: string;
  icon?: IconName;
  checked?: boolean;
  /** Several of its group may be checked at once. */
  many?: boolean;
  /** The class of a spot of colour in place of a picture. */
  spot?: string;
  /** Said after the label, smaller. */
  note?: string;
  href?: string;
  download?: boolean;
  depth?: number;
  run?: () => void;
}

export type Group = { title?: string; items: Item[] };

interface Props {
  groups: Group[];
  label: string;
  /** Draws the button; it must pass `toggle` to its click and `open` to aria-expanded. */
  button: (open: boolean, toggle: () => void) => ComponentChildren;
  side?: 'left' | 'right' | 'up' | 'over';
  header?: ComponentChildren;
  class?: string;
}

const openers = new Map<string, () => void>();

/** Opens a menu by the name of its class, for keys such as `v`. */
export const openMenu = (name: string) => openers.get(name)?.();

export function Menu({ groups, label, button, side = 'left', header, class: name = '' }: Props) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const items = () => [...(root.current?.querySelectorAll<HTMLElement>('[role^=menuitem]') ?? [])];
  const close = (refocus: boolean) => {
    setOpen(false);
    if (refocus) root.current?.querySelector<HTMLElement>('[aria-haspopup]')?.focus();
  };

  useEffect(() => {
    if (name) openers.set(name, () => setOpen(true));
    return () => { openers.delete(name); };
  }, [name]);

  useEffect(() => {
    if (!open) return undefined;
    (items().find((item) => item.getAttribute('aria-checked') === 'true') ?? items()[0])?.focus();
    const outside = (event: Event) => {
      if (!root.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener('pointerdown', outside);
    window.addEventListener('blur', outside);
    return () => {
      document.removeEventListener('pointerdown', outside);
      window.removeEventListener('blur', outside);
    };
  }, [open]);

  const onKeyDown = (event: KeyboardEvent) => {
    if (!open) return;
    const all = items();
    const at = all.indexOf(document.activeElement as HTMLElement);
    const to = {
      ArrowDown: (at + 1) % all.length, ArrowUp: (at - 1 + all.length) % all.length, Home: 0, End: all.length - 1,
    }[event.key];
    if (event.key === 'Escape') close(true);
    else if (event.key === 'Tab') close(false);
    else if (to !== undefined) all[to]?.focus();
    else return;
    if (event.key !== 'Tab') event.preventDefault();
    event.stopPropagation();
  };

  const choose = (item: Item) => {
    close(true);
    item.run?.();
  };

  return (
    <div class={`menu ${name}`} ref={root} onKeyDown={onKeyDown}>
      {button(open, () => setOpen(!open))}
      {open && (
        <div class={`menu-list ${side}`} role="menu" aria-label={label}>
          {header}
          {groups.map((group, at) => (
            <div role="group" aria-label={group.title} key={group.title ?? at}>
              {group.title && <p class="menu-title" aria-hidden="true">{group.title}</p>}
              {group.items.map((item) => <MenuItem item={item} key={item.label} choose={choose} />)}
            </div>
          ))}
        </div>
      )}
    </div>
  );
}

function MenuItem({ item, choose }: { item: Item; choose: (item: Item) => void }) {
  const inside = (
    <>
      {item.spot && <i class={`spot ${item.spot}`} />}
      {item.icon && <Icon name={item.icon} />}
      <span>{item.label}</span>
      {item.note && <small>{item.note}</small>}
      {item.checked && <Icon name="check" small />}
    </>
  );
  const depth = item.depth ? { paddingInlineStart: `${12 + item.depth * 16}px` } : undefined;
  if (item.href) {
    return (
      <a role="menuitem" tabIndex={-1} href={item.href} download={item.download} onClick={() => choose(item)}>{inside}</a>
    );
  }
  return (
    <button
      type="button" tabIndex={-1} style={depth} onClick={() => choose(item)}
      role={item.checked === undefined ? 'menuitem' : item.many ? 'menuitemcheckbox' : 'menuitemradio'} aria-checked={item.checked}
    >
      {inside}
    </button>
  );
}
