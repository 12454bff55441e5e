import { useEffect, useRef } from 'preact/hooks';
import { go, place } from '../state/route';
import { Icon } from '../ui/Icon';
import { IconButton } from '../ui/Button';
import { t } from '../ui/i18n';

/** `/`: at once, so that quick fingers lose no letter. */
export function focusSearch(): void {
  document.querySelector<HTMLInputElement>('.search input')?.focus();
  document.querySelector<HTMLInputElement>('.search input')?.select();
}

export function Search() {
  const input = useRef<HTMLInputElement>(null);
  const at = place.value;
  const text = at.at === 'search' ? at.text : '';
  useEffect(() => { if (input.current) input.current.value = text; }, [text]);

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
