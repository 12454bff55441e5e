import { signal } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { go, place } from '../state/route';
import { Icon } from '../ui/Icon';
import { IconButton } from '../ui/Button';
import { lazily } from '../ui/Lazy';
import { t } from '../ui/i18n';

/** Something that may be typed next, or a whole search. */
export interface Choice {
  group: 'recent' | 'people' | 'operators';
  label: string;
  hint: string;
  example: string;
  /** What stands in the box then. */
  text: string;
  /** It is looked for at once. */
  done: boolean;
}

/** Quiet time after which what is typed is looked for. */
const AS_TYPED_MS = 500;
const AS_TYPED_MIN = 3;
const RECENT_MAX = 5;

export const recent = signal<readonly string[]>([]);
export const choices = signal<readonly Choice[]>([]);
/** Of the choices; -1 for none. */
export const active = signal(-1);

const Panel = lazily(async () => (await import('../search/Panel')).Panel);

/** `/`: at once, so that quick fingers lose no letter. */
export function focusSearch(): void {
  document.querySelector<HTMLInputElement>('.search input')?.focus();
  document.querySelector<HTMLInputElement>('.search input')?.select();
}

export function Search() {
  const input = useRef<HTMLInputElement>(null);
  const timer = useRef(0);
  const [typed, setTyped] = useState('');
  const [open, setOpen] = useState(false);
  const at = place.value;
  const text = at.at === 'search' ? at.text : '';
  useEffect(() => {
    // What is being typed is not taken out from under the fingers.
    if (!input.current || input.current.value.trim() === text) return;
    input.current.value = text;
    setTyped(text);
  }, [text]);
  useEffect(() => () => window.clearTimeout(timer.current), []);

  const look = (wanted: string) => go(
    wanted ? { at: 'search', text: wanted, open: null } : { at: 'box', box: null, open: null },
    wanted !== '' && place.value.at === 'search');
  const set = (now: string) => {
    setTyped(now);
    active.value = -1;
    window.clearTimeout(timer.current);
  };
  const submit = (event: Event) => {
    event.preventDefault();
    finish(input.current?.value.trim() ?? '');
  };
  const finish = (wanted: string) => {
    set(wanted);
    setOpen(false);
    look(wanted);
    if (!wanted) return;
    recent.value = [wanted, ...recent.value.filter((one) => one !== wanted)].slice(0, RECENT_MAX);
    document.querySelector<HTMLElement>('.rows')?.focus();
  };
  const take = (choice: Choice) => {
    if (!input.current) return;
    input.current.value = choice.text;
    if (choice.done) return finish(choice.text);
    set(choice.text);
    input.current.focus();
  };
  const onInput = (event: (InputEvent | CompositionEvent) & { currentTarget: HTMLInputElement }) => {
    const now = event.currentTarget.value;
    set(now);
    setOpen(true);
    const wanted = now.trim();
    // An operator without its value would find nothing, or everything.
    if (wanted.length < AS_TYPED_MIN || wanted.endsWith(':') || ('isComposing' in event && event.isComposing)) return;
    timer.current = window.setTimeout(() => look(wanted), AS_TYPED_MS);
  };
  const onKeyDown = (event: KeyboardEvent & { currentTarget: HTMLInputElement }) => {
    if (event.isComposing) return;
    const chosen = open ? choices.value[active.value] : undefined;
    if (event.key === 'Escape') {
      event.stopPropagation();
      if (open) setOpen(false);
      else if (event.currentTarget.value) set(event.currentTarget.value = '');
      else event.currentTarget.blur();
      return;
    }
    if (event.key === 'Enter' && chosen) take(chosen);
    else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      setOpen(true);
      const count = choices.value.length;
      const next = active.value + (event.key === 'ArrowDown' ? 1 : -1);
      active.value = next < -1 ? count - 1 : next >= count ? -1 : next;
      document.getElementById(`search-${active.value}`)?.scrollIntoView({ block: 'nearest' });
    } else return;
    event.preventDefault();
  };

  return (
    <form class="search" role="search" onSubmit={submit}>
      <Icon name="search" />
      <input
        ref={input} type="text" inputMode="search" name="q" aria-label={t().search} placeholder={t().searchHint} autocomplete="off"
        enterkeyhint="search" spellcheck={false} role="combobox" aria-expanded={open && choices.value.length > 0} aria-controls="search-panel"
        aria-autocomplete="list" aria-activedescendant={open && active.value >= 0 ? `search-${active.value}` : undefined}
        onFocus={() => setOpen(true)} onBlur={() => { setOpen(false); active.value = -1; window.clearTimeout(timer.current); }} onInput={onInput} onCompositionEnd={onInput} onKeyDown={onKeyDown}
      />
      {text
        ? <IconButton icon="x" label={t().searchClear} onClick={() => { set(''); look(''); }} />
        : <kbd aria-hidden="true">/</kbd>}
      {open && <Panel text={typed} take={take} />}
    </form>
  );
}
