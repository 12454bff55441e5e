// Beside "Send": when it goes, how urgent it is, what is told of it.
import { useState } from 'preact/hooks';
import { SnoozeDialog } from '../later/SnoozeDialog';
import { when } from '../mail/LaterMenus';
import { delayMax } from '../state/outbox';
import { offered } from '../state/snooze';
import { URGENCIES, type Urgency, marked, withMark } from '../state/urgency';
import { IconButton } from '../ui/Button';
import { t } from '../ui/i18n';
import { type Item, Menu } from '../ui/Menu';
import type { Letter } from './model';
import { words } from './words';

/** The field is the editor's own: it is told what the subject became. */
function setSubject(letter: Letter, subject: string): void {
  letter.subject.value = subject;
  letter.changed();
}

export function Options({ letter }: { letter: Letter }) {
  const [picking, setPicking] = useState(false);
  const put = (at: Date | null) => { letter.at.value = at; };
  const now = marked(letter.subject.value).urgency;
  const level = (urgency: Urgency | null): Item => ({
    label: t().urgency[urgency ?? 'none'], checked: now === urgency, run: () => setSubject(letter, withMark(letter.subject.value, urgency)),
  });
  const times: Item[] = [
    ...(letter.at.value ? [{ label: words().sendAtOnce, icon: 'send', run: () => put(null) } satisfies Item] : []),
    ...offered(new Date()).map(({ name, at }): Item => ({ label: t().snoozeTo[name], note: when(at), icon: 'clock', run: () => put(at) })),
    { label: t().snoozePick, icon: 'alarm-clock', run: () => setPicking(true) },
  ];
  return (
    <>
      <Menu
        class="send-options" side="over" label={words().sendOptions}
        groups={[
          { title: words().sendAfter, items: times },
          { title: words().urgencyTitle, items: [level(null), ...URGENCIES.map(level)] },
          { title: words().receipts, items: [
            { label: t().receiptArrival, many: true, checked: letter.arrival.value, run: () => { letter.arrival.value = !letter.arrival.value; } },
            { label: t().receiptReading, many: true, checked: letter.reading.value, run: () => { letter.reading.value = !letter.reading.value; letter.changed(); } },
          ] },
        ]}
        button={(open, toggle) => <IconButton icon="chevron-up" label={words().sendOptions} expanded={open} onClick={toggle} />}
      />
      {picking && <SnoozeDialog title={words().sendAfter} label={words().sendWhen} yes={words().sendPut} max={delayMax()} close={() => setPicking(false)} take={put} />}
    </>
  );
}
