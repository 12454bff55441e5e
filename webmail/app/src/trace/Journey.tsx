// "Thư đã đi đến đâu?": where a letter that one sent is, for each recipient; of
// one that came, whence it came and whether that can be believed.
import { useEffect, useState } from 'preact/hooks';
import { Refused } from '../jmap/rest';
import type { Email } from '../jmap/objects';
import { breaks, clock, daysAgo, number, shortTime } from '../ui/format';
import { whereabouts } from '../state/whereabouts';
import { Icon } from '../ui/Icon';
import { IconButton } from '../ui/Button';
import { lang } from '../ui/i18n';
import { en } from './en';
import { type Item, type Progress, type Timeline, find, nearest, read } from './objects';
import { kindOf } from './sent';
import { type Step, checks, encryption, headline, iconOf, isUnderway, sorted, standing, steps, toneOf, verdict } from './story';
import { vi } from './vi';
import '../style/trace.css';

/** Recipients shown at first. */
const PEOPLE_SHOWN = 20;
/** While something waits and the page is in front, it is asked for anew. */
const AGAIN_MS = 30_000;

const words = () => (lang.value === 'en' ? en : vi);

/** `09:42` today, `19/11 09:42` before. */
const when = (iso: string) => {
  const date = new Date(iso);
  return daysAgo(date, new Date()) === 0 ? clock(date) : `${shortTime(iso)} ${clock(date)}`;
};

type Found =
  | { at: 'loading' } | { at: 'failed' } | { at: 'none' }
  | { at: 'sent'; timeline: Timeline } | { at: 'came'; item: Item };

async function look(email: Email, sent: boolean): Promise<Found> {
  const items = await find(email);
  if (!sent) {
    const item = nearest(items, email);
    return item ? { at: 'came', item } : { at: 'none' };
  }
  const item = items.find((one) => one.origin.kind === 'submitted') ?? items[0];
  if (!item) return { at: 'none' };
  try {
    const timeline = await read(item.id);
    // The list of Sent learns of it, too.
    whereabouts.value = new Map([...whereabouts.value, [email.id, kindOf(timeline.message)]]);
    return { at: 'sent', timeline };
  } catch (error) {
    if (error instanceof Refused && error.status === 404) return { at: 'none' };
    throw error;
  }
}

function useFound(email: Email, sent: boolean): [Found, () => void] {
  const [found, setFound] = useState<Found>({ at: 'loading' });
  const [round, setRound] = useState(0);
  const again = () => setRound((n) => n + 1);
  const language = lang.value;
  useEffect(() => {
    let gone = false;
    look(email, sent).then(
      (now) => { if (!gone) setFound(now); },
      // What was shown before is still true of its time.
      () => { if (!gone) setFound((before) => (before.at === 'loading' || before.at === 'none' ? { at: 'failed' } : before)); },
    );
    return () => { gone = true; };
  }, [email.id, sent, round, language]);
  const waits = found.at === 'sent' && found.timeline.progress.some((one) => isUnderway(one.state));
  useEffect(() => {
    if (!waits) return undefined;
    const timer = window.setInterval(() => { if (document.visibilityState === 'visible') again(); }, AGAIN_MS);
    return () => window.clearInterval(timer);
  }, [waits]);
  return [found, again];
}

export function Journey({ email, sent, close }: { email: Email; sent: boolean; close: () => void }) {
  const [found, again] = useFound(email, sent);
  return (
    <div class="journey-in">
      <div class="journey-tools">
        <IconButton icon="refresh-cw" label={words().refresh} onClick={again} />
        <IconButton icon="x" label={words().close} onClick={close} />
      </div>
      <div aria-live="polite" aria-busy={found.at === 'loading'}>
        {found.at === 'loading' && <p class="journey-wait">{words().loading}</p>}
        {found.at === 'failed' && <p class="journey-wait bad">{words().failed}</p>}
        {found.at === 'none' && <div class="journey-head plain"><Icon name="info" /><div><h3>{words().none}</h3><p>{words().noneWhy}</p></div></div>}
        {found.at === 'sent' && <Way timeline={found.timeline} />}
        {found.at === 'came' && <Whence item={found.item} />}
      </div>
    </div>
  );
}

function Way({ timeline }: { timeline: Timeline }) {
  const [all, setAll] = useState(false);
  const { progress, message } = timeline;
  const { tone, text } = headline(progress.map((one) => one.state), words(), number);
  const people = sorted(progress);
  const shown = all ? people : people.slice(0, PEOPLE_SHOWN);
  return (
    <>
      <div class={`journey-head ${tone}`}><Icon name={iconOf(tone)} /><h3>{text}</h3></div>
      <ul class="journey-people" aria-label={words().people}>
        {shown.map((one) => <Person one={one} timeline={timeline} alone={progress.length === 1} key={one.recipient} />)}
      </ul>
      {people.length > shown.length && (
        <button type="button" class="btn quiet" onClick={() => setAll(true)}>{words().showAll(number(people.length))}</button>
      )}
      <p class="journey-foot"><span>{words().readNote}</span> <span class="code">{words().code(message.id)}</span></p>
    </>
  );
}

function Person({ one, timeline, alone }: { one: Progress; timeline: Timeline; alone: boolean }) {
  const tone = toneOf(one.state);
  return (
    <li>
      <p class={`journey-one ${tone}`}>
        <Icon name={iconOf(tone)} />
        <span><b>{breaks(one.recipient).map((part, at) => (at > 0 ? [<wbr key={part} />, part] : part))}</b><span class="how">{standing(one, words(), when)}</span></span>
      </p>
      {one.meaning && <p class="journey-why">{one.meaning}</p>}
      <details open={alone}>
        <summary aria-label={words().showSteps(one.recipient)}>{words().steps}</summary>
        <ol class="journey-steps">
          {steps(timeline, one.recipient, words()).map((step, index) => <StepLine step={step} key={index} />)}
        </ol>
      </details>
    </li>
  );
}

function StepLine({ step }: { step: Step }) {
  return (
    <li class={step.tone}>
      <time dateTime={step.at}>{when(step.at)}</time>
      <div>
        <span>{step.text}</span>
        {step.tls && <small>{step.tls}</small>}
        {step.said && <q><span class="sr">{words().exact} </span>{step.said}</q>}
      </div>
    </li>
  );
}

function Whence({ item }: { item: Item }) {
  const { origin } = item;
  const { tone, title, text } = verdict(item, words());
  const host = [origin.helo, origin.ip && `(${origin.ip})`].filter(Boolean).join(' ');
  const found = checks(item.checks, words());
  const spoken = { ok: words().good, bad: words().bad, wait: words().neither, plain: words().neither };
  return (
    <>
      <div class={`journey-head ${tone}`}><Icon name={tone === 'ok' ? 'shield-check' : 'shield-alert'} /><div><h3>{title}</h3><p>{text}</p></div></div>
      <dl class="journey-facts">
        <div><dt>{words().comesFrom}</dt><dd>{origin.kind === 'remote' ? words().whence.remote(host) : words().whence[origin.kind]}</dd></div>
        <div><dt>{words().arrivedAt}</dt><dd><time dateTime={item.accepted_at}>{when(item.accepted_at)}</time></dd></div>
        {origin.kind === 'remote' && (
          <div><dt>{words().underway}</dt><dd class={origin.tls ? 'ok' : 'wait'}><Icon name={origin.tls ? 'lock' : 'lock-open'} small />{encryption(origin.tls, words())}</dd></div>
        )}
      </dl>
      {found.length > 0 && (
        <>
          <h4>{words().checks}</h4>
          <ul class="journey-checks">
            {found.map((check, index) => (
              <li class={check.tone} key={index}>
                <Icon name={check.tone === 'bad' ? 'triangle-alert' : check.tone === 'ok' ? 'circle-check' : 'info'} small />
                <span><span class="sr">{spoken[check.tone]} </span>{check.text}</span><small>{check.name}</small>
              </li>
            ))}
          </ul>
        </>
      )}
      <p class="journey-foot"><span class="code">{words().code(item.id)}</span></p>
    </>
  );
}
