import { useEffect, useRef } from 'preact/hooks';
import { isOwn } from '../jmap/client';
import type { Email } from '../jmap/objects';
import { has, isDamaged } from '../state/emails';
import { HANDLED, labelsOf, nameOfLabel, toneOfLabel } from '../state/labels';
import { byId, nameOfBox } from '../state/mailboxes';
import { openId, print } from '../state/route';
import { letter, open, opening } from '../state/reader';
import { marked as urgencyOf } from '../state/urgency';
import { boxId } from '../state/view';
import { nfc } from '../ui/format';
import { Icon } from '../ui/Icon';
import { lazily } from '../ui/Lazy';
import { t } from '../ui/i18n';
import { Conversation } from './Conversation';
import { Files } from './Files';
import { JourneySlot } from './JourneySlot';
import { DamagedLetter, HtmlLetter, TextLetter, isPlain } from './Letter';
import { Tools } from './Tools';
import { Who } from './Who';

const Bars = lazily(async () => (await import('../later/Bars')).Bars);
const Trust = lazily(async () => (await import('../trust/Trust')).Trust);

export function Reader() {
  const shown = letter.value;
  return (
    <main class="read" id="reader" tabIndex={-1}>
      {openId.value && <Tools email={shown} />}
      {opening.value === 'ready' && shown ? <Paper email={shown} key={shown.id} /> : <Waiting />}
    </main>
  );
}

function Waiting() {
  switch (opening.value) {
    case 'loading':
      return <div class="paper ghost" aria-busy="true"><i /><i /><i /><i /><i /></div>;
    case 'gone':
      return <div class="state"><Icon name="info" /><p>{t().gone}</p></div>;
    case 'failed':
      return (
        <div class="state bad" role="alert">
          <Icon name="cloud-off" />
          <p>{t().readFailed}</p>
          <button type="button" class="btn" onClick={() => void open(openId.value)}>{t().retry}</button>
        </div>
      );
    default:
      return <div class="state quiet"><Icon name="mail-open" /><p>{t().noneOpen}</p><small>{t().noneOpenHint}</small></div>;
  }
}

function Paper({ email }: { email: Email }) {
  const self = useRef<HTMLElement>(null);
  useEffect(() => {
    // Where one pane takes the other's place, the focus goes along.
    if (window.matchMedia('(max-width: 899px)').matches) self.current?.focus();
  }, []);
  const boxes = Object.keys(email.mailboxIds).filter((id) => id !== boxId.value).map((id) => byId(id));
  const harmed = isDamaged(email);
  const { urgency, rest } = urgencyOf(nfc(email.subject));
  const marked = labelsOf(email.keywords);
  const labels = boxes.flatMap((box) => (box ? [nameOfBox(box)] : []));
  return (
    <article class="paper" ref={self} tabIndex={-1} aria-labelledby="subject">
      <h2 id="subject">{urgency && <span class="tag label-1">{t().urgency[urgency]}</span>}{rest || t().noSubject}</h2>
      {(labels.length + marked.length > 0 || has(email, HANDLED)) && (
        <div class="labels">
          {labels.map((name) => <span class="tag" key={name}>{name}</span>)}
          {marked.map((label) => <span class={`tag ${toneOfLabel(label)}`} key={label}>{nameOfLabel(label)}</span>)}
          {has(email, HANDLED) && <span class="tag label-3"><Icon name="circle-check-big" small />{t().isHandled}</span>}
        </div>
      )}
      <Conversation id={email.id} side="before" />
      <Who email={email} />
      {!has(email, '$draft') && <Trust email={email} />}
      {isOwn() && !has(email, '$draft') && <Bars email={email} />}
      <JourneySlot email={email} />
      {harmed ? <DamagedLetter email={email} /> : (
        <>
          {isPlain(email) ? <TextLetter email={email} /> : <HtmlLetter email={email} />}
          <Files email={email} />
        </>
      )}
      {!harmed && <div class="reply">
        {has(email, '$draft') && isOwn() && (
          <a class="btn primary" href={print({ at: 'compose', mode: 'draft', of: email.id, to: '' })}><Icon name="file-pen-line" />{t().editDraft}</a>
        )}
        <a class="btn" href={print({ at: 'compose', mode: 'reply', of: email.id, to: '' })}><Icon name="reply" />{t().reply}</a>
        {severalPeople(email) && (
          <a class="btn" href={print({ at: 'compose', mode: 'all', of: email.id, to: '' })}><Icon name="reply-all" />{t().replyAll}</a>
        )}
        <a class="btn" href={print({ at: 'compose', mode: 'forward', of: email.id, to: '' })}><Icon name="forward" />{t().forward}</a>
      </div>}
      <Conversation id={email.id} side="after" />
    </article>
  );
}

export const severalPeople = (email: Email) => (email.to?.length ?? 0) + (email.cc?.length ?? 0) > 1;
