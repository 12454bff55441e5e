// A day and an hour: for a letter to come back at, or to go.
import { useState } from 'preact/hooks';
import { Dialog } from '../ui/Dialog';
import { t } from '../ui/i18n';

const two = (n: number) => String(n).padStart(2, '0');
const MORNING = 8;
const DAY_MS = 86_400_000;
const YEAR_MS = 366 * DAY_MS;

/** As a field of day and time has it, where the person is. */
export const local = (at: Date) =>
  `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}`;

interface Props {
  title: string;
  label: string;
  yes: string;
  /** Not later than so many milliseconds from now. */
  max?: number;
  close: () => void;
  take: (at: Date) => void;
}

export function SnoozeDialog({ title, label, yes, max = YEAR_MS, close, take }: Props) {
  const now = new Date();
  const [value, setValue] = useState(local(new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1, MORNING)));
  const [wrong, setWrong] = useState('');
  const submit = (event: Event) => {
    event.preventDefault();
    const at = new Date(value);
    if (!(at.getTime() > Date.now())) return setWrong(t().snoozePast);
    if (at.getTime() > Date.now() + max) return setWrong(t().snoozeFar(Math.floor(max / DAY_MS)));
    close();
    take(at);
  };
  return (
    <Dialog title={title} close={close} class="ask">
      <form onSubmit={submit} noValidate>
        <label class="when">{label}
          <input type="datetime-local" value={value} min={local(now)} max={local(new Date(now.getTime() + max))} aria-invalid={wrong !== ''} onInput={(event) => { setValue(event.currentTarget.value); setWrong(''); }} />
        </label>
        <p class="why" role="alert">{wrong}</p>
        <footer>
          <button type="button" class="btn" onClick={close}>{t().cancel}</button>
          <button type="submit" class="btn primary">{yes}</button>
        </footer>
      </form>
    </Dialog>
  );
}
