import { useEffect, useId, useState } from 'preact/hooks';
import { tell } from '../state/toast';
import { Icon } from '../ui/Icon';
import { words } from './Settings';
import { type Answer, type Draft, SUBJECT_MAX, TEXT_MAX, draftOf, isSame, isTurned, load, patchOf, save } from './vacation';

type Loaded = { at: 'loading' } | { at: 'failed' } | { at: 'ready'; answer: Answer };

export function Vacation() {
  const [loaded, setLoaded] = useState<Loaded>({ at: 'loading' });
  const fetch = () => {
    setLoaded({ at: 'loading' });
    load().then((answer) => setLoaded({ at: 'ready', answer }), () => setLoaded({ at: 'failed' }));
  };
  useEffect(fetch, []);
  if (loaded.at === 'loading') return <p class="quiet" role="status">{words().loading}</p>;
  if (loaded.at === 'failed') {
    return (
      <p class="note" role="alert">
        <Icon name="cloud-off" /><span>{words().awayFailed}</span>
        <button type="button" class="btn" onClick={fetch}>{words().retry}</button>
      </p>
    );
  }
  const { answer } = loaded;
  return <Form answer={answer} set={(now) => setLoaded({ at: 'ready', answer: now })} key={JSON.stringify(answer)} />;
}

function Form({ answer, set }: { answer: Answer; set: (answer: Answer) => void }) {
  const [draft, setDraft] = useState(draftOf(answer));
  const [refusal, setRefusal] = useState('');
  const [saving, setSaving] = useState(false);
  const turned = isTurned(draft);
  const dirty = !isSame(draft, answer);
  const still = !dirty || saving || turned;
  const change = (part: Partial<Draft>) => {
    setDraft({ ...draft, ...part });
    setRefusal('');
  };
  const submit = async (event: Event) => {
    event.preventDefault();
    if (still) return;
    setSaving(true);
    try {
      const now = await save(patchOf(draft, answer));
      tell(now.isEnabled ? words().awaySaved : words().awayStopped);
      set(now);
    } catch {
      setRefusal(words().awayUnsaved);
      setSaving(false);
    }
  };
  return (
    <form class="away" onSubmit={submit} noValidate>
      <p class={`standing ${answer.isEnabled ? 'on' : ''}`}>
        <Icon name={answer.isEnabled ? 'reply' : 'inbox'} small />{answer.isEnabled ? words().awayOn : words().awayOff}
      </p>
      <label class="tick"><input type="checkbox" checked={draft.on} onChange={() => change({ on: !draft.on })} /><span>{words().away}</span></label>
      <div class="days">
        <Day title={words().first} value={draft.first} set={(first) => change({ first })} />
        <Day title={words().last} value={draft.last} set={(last) => change({ last })} wrong={turned} />
      </div>
      <p class="why" role="alert">{turned && words().turned}</p>
      <label>{words().subject}
        <input type="text" value={draft.subject} maxLength={SUBJECT_MAX} placeholder={words().subjectOwn} onInput={(event) => change({ subject: event.currentTarget.value })} />
      </label>
      <label>{words().words}
        <textarea rows={6} value={draft.text} maxLength={TEXT_MAX} placeholder={words().wordsOwn} onInput={(event) => change({ text: event.currentTarget.value })} />
      </label>
      <p class="policy"><Icon name="info" small /><span>{words().awayRule}</span></p>
      <div role="alert">{refusal && <p class="refusal"><Icon name="triangle-alert" small /><span>{refusal}</span></p>}</div>
      <footer>
        <button type="submit" class="btn primary" aria-disabled={still}>{saving ? words().saving : words().save}</button>
        {dirty && <button type="button" class="btn" onClick={() => change(draftOf(answer))}>{words().reset}</button>}
      </footer>
    </form>
  );
}

function Day({ title, value, set, wrong }: { title: string; value: string; set: (day: string) => void; wrong?: boolean }) {
  const id = useId();
  return (
    <div>
      <label for={id}>{title}</label>
      <input id={id} type="date" value={value} aria-invalid={wrong} onInput={(event) => set(event.currentTarget.value)} />
    </div>
  );
}
