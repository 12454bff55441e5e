// One address line: chips, a field, suggestions (WAI-ARIA combobox).
import type { Signal } from '@preact/signals';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { boot } from '../boot';
import type { Address } from '../jmap/objects';
import { Avatar } from '../ui/Button';
import { initials, nameOf, nfc, tone } from '../ui/format';
import { Icon } from '../ui/Icon';
import { isMe } from '../state/self';
import { type Chip, added, chip, chipOf, isOutside, split, suggest } from './address';
import { type Colleague, colleagues, lookUp, people } from './people';
import { words } from './words';

/** Quiet time before the directory is asked. */
const LOOK_UP_MS = 180;

/** Those one writes to first, with the positions that the directory knows. */
function known(): (Address & Partial<Colleague>)[] {
  const titles = new Map(colleagues.value.map((one) => [one.email.toLowerCase(), one.title]));
  const met = people.value.map((one) => ({ ...one, title: titles.get(one.email.toLowerCase()) ?? null }));
  return [...met, ...colleagues.value.filter((one) => !isMe(one))];
}

interface Props {
  label: string;
  list: Signal<Chip[]>;
  changed: () => void;
  autoFocus?: boolean;
  name: string;
}

export function Recipients({ label, list, changed, autoFocus, name }: Props) {
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const [typed, setTyped] = useState('');
  const [at, setAt] = useState(0);
  const offered = suggest(known(), typed, list.value);
  const open = offered.length > 0;
  useEffect(() => { if (autoFocus) input.current?.focus(); }, []);
  useEffect(() => {
    if (!typed) return undefined;
    const timer = window.setTimeout(() => void lookUp(typed), LOOK_UP_MS);
    return () => window.clearTimeout(timer);
  }, [typed]);

  const set = (chips: Chip[]) => {
    list.value = chips;
    changed();
  };
  const clear = () => {
    if (input.current) input.current.value = '';
    setTyped('');
    setAt(0);
  };
  const take = (one: Address) => {
    set(added(list.value, [chipOf(one)]));
    clear();
  };
  const finish = () => {
    const text = input.current?.value ?? '';
    if (text.trim()) set(added(list.value, split(text)));
    clear();
  };
  const remove = (index: number) => {
    set(list.value.filter((_, place) => place !== index));
    input.current?.focus();
  };

  const onKeyDown = (event: KeyboardEvent & { currentTarget: HTMLInputElement }) => {
    if (event.isComposing) return;
    const text = event.currentTarget.value;
    const choice = offered[at];
    if (open && (event.key === 'ArrowDown' || event.key === 'ArrowUp')) {
      setAt((at + (event.key === 'ArrowDown' ? 1 : -1) + offered.length) % offered.length);
    } else if (open && event.key === 'Escape') {
      setTyped('');
      event.stopPropagation();
    } else if (choice && (event.key === 'Enter' || event.key === 'Tab') && !event.shiftKey && !event.ctrlKey) {
      take(choice);
    } else if ((event.key === 'Enter' && !event.ctrlKey && !event.metaKey) || event.key === ',' || event.key === ';'
      || (event.key === ' ' && (text === '' || (chip(text).ok && !text.includes('<'))))) {
      if (text.trim()) finish();
      else if (event.key === 'Enter') return;
    } else if (event.key === 'Backspace' && text === '' && list.value.length > 0) {
      remove(list.value.length - 1);
    } else {
      return;
    }
    event.preventDefault();
  };

  return (
    <div class="fld people">
      <label for={`${id}-in`}>{label}</label>
      <div class="v" onClick={(event) => { if (event.target === event.currentTarget) input.current?.focus(); }}>
        {list.value.map((one, index) => <Pill key={one.email} one={one} remove={() => remove(index)} />)}
        <input
          ref={input} id={`${id}-in`} name={name} type="text" inputMode="email" autocomplete="off" spellcheck={false}
          role="combobox" aria-expanded={open} aria-controls={`${id}-list`} aria-autocomplete="list"
          aria-activedescendant={open ? `${id}-${at}` : undefined} aria-invalid={list.value.some((one) => !one.ok)}
          onInput={(event) => { setTyped(event.currentTarget.value); setAt(0); }} onKeyDown={onKeyDown} onBlur={finish}
          onPaste={(event) => {
            const text = event.clipboardData?.getData('text/plain') ?? '';
            if (!/[,;\n<]/.test(text)) return;
            event.preventDefault();
            set(added(list.value, split(text)));
          }}
        />
        <ul class="sug" id={`${id}-list`} role="listbox" aria-label={words().suggestions} hidden={!open}>
          {offered.map((one, index) => (
            <li
              key={one.email} id={`${id}-${index}`} role="option" aria-selected={index === at}
              onPointerDown={(event) => { event.preventDefault(); take(one); }}
            >
              <Avatar text={initials(nameOf(one))} tone={tone(one.email)} />
              <span><b>{nameOf(one)}</b>{one.title && <small>{nfc(one.title)}</small>}<small>{one.email}</small></span>
              {index === at && <kbd>Enter</kbd>}
            </li>
          ))}
        </ul>
      </div>
    </div>
  );
}

function Pill({ one, remove }: { one: Chip; remove: () => void }) {
  const shown = nfc(one.name) || one.email;
  const outside = one.ok && isOutside(one.email, boot.address);
  return (
    <span class={`pill${outside ? ' ext' : ''}${one.ok ? '' : ' bad'}`} title={one.ok ? one.email : words().badAddress(one.email)}>
      {one.ok ? <Avatar small text={initials(shown)} tone={outside ? 'y' : tone(one.email)} /> : <Icon name="triangle-alert" small />}
      <span>{shown}</span>
      <button type="button" aria-label={words().removeAddress(shown)} onClick={remove}><Icon name="x" small /></button>
    </span>
  );
}
