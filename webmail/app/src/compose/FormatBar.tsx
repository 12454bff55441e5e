import { useState } from 'preact/hooks';
import { IconButton } from '../ui/Button';
import type { IconName } from '../ui/icon-names';
import type { Editor, Format } from './editor';
import { words } from './words';

type Toggle = Exclude<Format, 'A'>;

/** Addresses without a scheme are meant for the web; others than these do not go into letters. */
export function linkAddress(typed: string): string | null {
  const text = typed.trim();
  if (!text) return null;
  if (/^(https?:|mailto:|tel:)/i.test(text)) return text;
  if (/^[\w.+-]+@[\w.-]+$/.test(text)) return `mailto:${text}`;
  return /^[a-z][a-z0-9+.-]*:/i.test(text) ? null : `https://${text}`;
}

export function FormatBar({ editor, tick }: { editor: Editor; tick: number }) {
  const [linking, setLinking] = useState(false);
  void tick;
  const buttons: [Toggle, IconName, string, string?][] = [
    ['B', 'bold', words().bold, 'Ctrl+B'], ['I', 'italic', words().italic, 'Ctrl+I'], ['U', 'underline', words().underline, 'Ctrl+U'],
    ['UL', 'list', words().bullets], ['OL', 'list-ordered', words().numbers], ['BLOCKQUOTE', 'quote', words().quote],
  ];
  const apply = (event: Event) => {
    event.preventDefault();
    const href = linkAddress(new FormData(event.currentTarget as HTMLFormElement).get('href') as string);
    if (href) editor.link(href);
    setLinking(false);
  };
  return (
    <div class="fmt" role="toolbar" aria-label={words().format}>
      {buttons.map(([format, icon, label, keys], index) => (
        <span key={format} class={index === 3 ? 'set' : undefined}>
          <IconButton icon={icon} label={label} keys={keys} pressed={editor.has(format)} onClick={() => editor.toggle(format)} />
        </span>
      ))}
      <span class="set">
        <IconButton
          icon="link" label={editor.has('A') ? words().linkRemove : words().link} pressed={editor.has('A')}
          onClick={() => (editor.has('A') ? editor.unlink() : setLinking(!linking))}
        />
      </span>
      <IconButton icon="remove-formatting" label={words().plain} onClick={() => editor.plain()} />
      {linking && (
        <form class="linker" onSubmit={apply} onKeyDown={(event) => { if (event.key === 'Escape') { event.stopPropagation(); setLinking(false); editor.focus(); } }}>
          <input name="href" aria-label={words().linkAddress} placeholder="https://" ref={(field) => field?.focus()} autocomplete="off" spellcheck={false} />
          <button type="submit" class="btn sm primary">{words().linkApply}</button>
        </form>
      )}
    </div>
  );
}
