import { boot } from '../boot';
import { when } from '../mail/LaterMenus';
import { Icon } from '../ui/Icon';
import { t } from '../ui/i18n';
import type { IconName } from '../ui/icon-names';
import type { Letter } from './model';
import { people } from './people';
import { wrong } from './wrong';
import { words } from './words';

interface Check {
  good: boolean;
  text: string;
  note?: string;
}

/** Recipients that may not be meant, each in a sentence. */
function wrongs(letter: Letter): Check[] {
  const { strangers, alike, namesakes, many } = wrong(
    letter.everyone.value, people.value, boot.address, letter.to.value.length + letter.cc.value.length);
  return [
    ...alike.map(([email, domain]) => ({ good: false, text: words().checkAlike(email), note: words().checkAlikeOf(domain) })),
    ...namesakes.map(([name, email]) => ({ good: false, text: words().checkNamesake(name), note: words().checkNamesakeAt(email) })),
    ...(strangers.length > 0 ? [{ good: false, text: words().checkStrangers(strangers.length), note: strangers.join(', ') }] : []),
    ...(many > 0 ? [{ good: false, text: words().checkMany(many), note: words().checkManyNote }] : []),
  ];
}

function checksOf(letter: Letter): Check[] {
  const all: Check[] = [];
  const count = letter.everyone.value.length;
  all.push({ good: count > 0, text: count > 0 ? words().checkRecipients(count) : words().checkNoOne });
  const bad = letter.bad.value;
  if (bad.length > 0) all.push({ good: false, text: words().checkBad(bad.length), note: bad.map((chip) => chip.email).join(', ') });
  const odd = wrongs(letter);
  // Who is named below is not named here as well.
  const named = odd.map((check) => `${check.text} ${check.note ?? ''}`).join(' ');
  const outside = letter.outside.value.filter((chip) => !named.includes(chip.email));
  if (outside.length > 0) {
    all.push({ good: false, text: words().checkOutside(outside.length), note: words().checkOutsideWho(outside.map((chip) => chip.email).join(', ')) });
  }
  all.push(...odd);
  const up = letter.uploading.value.length;
  if (up > 0) all.push({ good: false, text: words().checkUploading(up), note: words().checkUploadingNote });
  const failed = letter.failedFiles.value.length;
  if (failed > 0) all.push({ good: false, text: words().checkFailed(failed) });
  const subject = letter.subject.value.trim() !== '';
  all.push({ good: subject, text: subject ? words().checkSubject : words().checkNoSubject });
  if (letter.mentionsFile.value) {
    all.push({ good: !letter.forgotten.value, text: letter.forgotten.value ? words().checkForgotten : words().checkAttached });
  }
  return all;
}

/** What the sender is asked about before an odd letter goes. */
export function doubts(letter: Letter): string[] {
  return [
    ...(letter.subject.value.trim() === '' ? [words().checkNoSubject] : []),
    ...(letter.forgotten.value ? [words().checkForgotten] : []),
    ...(letter.at.value && letter.at.value.getTime() <= Date.now() ? [words().checkPassed] : []),
    ...wrongs(letter).map(({ text, note }) => (note ? `${text}: ${note}` : text)),
  ];
}

/** Where there is no room for all: what is amiss, once something was written. */
export function Warnings({ letter }: { letter: Letter }) {
  const begun = letter.everyone.value.length > 0 && !letter.blank.value;
  const amiss = checksOf(letter).filter((check) => !check.good);
  if (!begun || amiss.length === 0) return null;
  return (
    <details class="warnings">
      <summary><Icon name="triangle-alert" small /><span>{amiss.map((check) => check.text).join(' · ')}</span><b>{words().checks}</b></summary>
      <ul>{amiss.map((check) => <li key={check.text}>{check.text}{check.note && <small>{check.note}</small>}</li>)}</ul>
    </details>
  );
}

export function Checks({ letter }: { letter: Letter }) {
  const after: [IconName, string][] = [
    ['undo-2', words().undoTen],
    ...(letter.at.value ? [['clock', t().sendAt(when(letter.at.value))] satisfies [IconName, string]] : []),
    ['folder', words().toSent],
    ...(letter.arrival.value ? [['circle-check', t().receiptArrival] satisfies [IconName, string]] : []),
    ...(letter.reading.value ? [['receipt', t().receiptReading] satisfies [IconName, string]] : []),
  ];
  return (
    <aside class="chk" aria-label={words().checks}>
      <h2>{words().checks}</h2>
      <ul>
        {checksOf(letter).map((check) => (
          <li key={check.text} class={check.good ? 'ok' : 'wn'}>
            <Icon name={check.good ? 'circle-check' : 'triangle-alert'} />
            <span>{check.text}{check.note && <small>{check.note}</small>}</span>
          </li>
        ))}
      </ul>
      <hr />
      <h2>{words().afterSend}</h2>
      <ul>{after.map(([icon, text]) => <li key={text}><Icon name={icon} /><span>{text}</span></li>)}</ul>
    </aside>
  );
}
