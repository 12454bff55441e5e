// The name of a folder that is made or renamed.
import { useState } from 'preact/hooks';
import { Dialog } from '../ui/Dialog';
import { t } from '../ui/i18n';

/** RFC 8621 §1.3.1 maxSizeMailboxName of our server is 255 octets; these many letters fit in any script we write. */
const NAME_MAX = 80;

interface Props {
  title: string;
  name: string;
  close: () => void;
  /** Why it may not be called so; null where it was done. */
  save: (name: string) => Promise<string | null>;
}

export function FolderDialog({ title, name, close, save }: Props) {
  const [value, setValue] = useState(name);
  const [wrong, setWrong] = useState('');
  const [saving, setSaving] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (saving) return undefined;
    const wanted = value.normalize('NFC').trim();
    if (!wanted) return setWrong(t().folderNoName);
    setSaving(true);
    const refusal = await save(wanted);
    setSaving(false);
    if (refusal === null) close();
    else setWrong(refusal);
  };
  return (
    <Dialog title={title} close={close} class="ask">
      <form onSubmit={(event) => void submit(event)}>
        <label class="when">{t().folderName}
          <input
            value={value} maxLength={NAME_MAX} autocomplete="off" aria-invalid={wrong !== ''} ref={(field) => { if (field && document.activeElement?.tagName !== 'INPUT') field.focus(); }}
            onInput={(event) => { setValue(event.currentTarget.value); setWrong(''); }}
          />
        </label>
        <p class="why" role="alert">{wrong}</p>
        <footer>
          <button type="button" class="btn" onClick={close}>{t().cancel}</button>
          <button type="submit" class="btn primary" aria-disabled={saving}>{t().folderSave}</button>
        </footer>
      </form>
    </Dialog>
  );
}
