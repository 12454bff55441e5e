// A day and an hour for a letter to come back at.
import { useState } from 'preact/hooks';
import type { Id } from '../jmap/objects';
import { Dialog } from '../ui/Dialog';
import { t } from '../ui/i18n';

const two = (n: number) => String(n).padStart(2, '0');
const MORNING = 8;

/** As a field of day and time has it, where the person is. */
export const local = (at: Date) =>
  `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}`;

export function SnoozeDialog({ ids, close, putOff }: { ids: Id[]; close: () => void; putOff: (ids: Id[], at: Date) => void }) {
  const now = new Date();
  const [value, setValue] = useState(local(new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1, MORNING)));
  const [wrong, setWrong] = useState(false);
  const submit = (event: Event) => {
    event.preventDefault();
    const at = new Date(value);
    if (!(at.getTime() > Date.now())) return setWrong(true);
    close();
    putOff(ids, at);
  };
  return (
    <Dialog title={t().snoozeTitle} close={close} class="ask">
      <form onSubmit={submit}>
        <label class="when">{t().snoozeWhen}
          <input type="datetime-local" value={value} min={local(now)} aria-invalid={wrong} onInput={(event) => { setValue(event.currentTarget.value); setWrong(false); }} />
        </label>
        <p class="why" role="alert">{wrong && t().snoozePast}</p>
        <footer>
          <button type="button" class="btn" onClick={close}>{t().cancel}</button>
          <button type="submit" class="btn primary">{t().snooze}</button>
        </footer>
      </form>
    </Dialog>
  );
}
