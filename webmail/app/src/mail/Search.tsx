import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { go, place } from '../state/route';
import { Icon } from '../ui/Icon';
import { IconButton } from '../ui/Button';
import { t } from '../ui/i18n';

/** Set by `/`: puts the focus into the box. */
export const focusSearch = signal(0);

export function Search() {
  const input = useRef<HTMLInputElement>(null);
  const at = place.value;
  const text = at.at === 'search' ? at.text : '';
  useEffect(() => { if (input.current) input.current.value = text; }, [text]);
  useEffect(() => {
    if (focusSearch.value === 0) return;
    input.current?.focus();
    input.current?.select();
  }, [focusSearch.value]);

  const submit = (event: Event) => {
    event.preventDefault();
    const wanted = input.current?.value.trim() ?? '';
    go(wanted ? { at: 'search', text: wanted, open: null } : { at: 'box', box: null, open: null });
    if (wanted) document.querySelector<HTMLElement>('.rows')?.focus();
  };
  const clear = () => go({ at: 'box', box: null, open: null });

  return (
    <form class="search" role="search" onSubmit={submit}>
      <Icon name="search" />
      <input
        ref={input} type="search" name="q" aria-label={t().search} placeholder={t().searchHint} autocomplete="off"
        enterkeyhint="search" spellcheck={false}
        onKeyDown={(event) => {
          if (event.key !== 'Escape') return;
          event.stopPropagation();
          if (event.currentTarget.value) event.currentTarget.value = '';
          else event.currentTarget.blur();
        }}
      />
      {text ? <IconButton icon="x" label={t().searchClear} onClick={clear} /> : <kbd aria-hidden="true">/</kbd>}
    </form>
  );
}
