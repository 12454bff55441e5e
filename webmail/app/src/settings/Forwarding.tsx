import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { boot } from '../boot';
import { Refused } from '../jmap/rest';
import { tell } from '../state/toast';
import { IconButton } from '../ui/Button';
import { Icon } from '../ui/Icon';
import { type Fault, type Said, TO_MAX, fault, isChanged, load, save } from './forward';
import { words } from './Settings';

type Loaded = { at: 'loading' } | { at: 'failed' } | { at: 'ready'; said: Said };

export function Forwarding() {
  const [loaded, setLoaded] = useState<Loaded>({ at: 'loading' });
  const fetch = () => {
    setLoaded({ at: 'loading' });
    load().then((said) => setLoaded({ at: 'ready', said }), () => setLoaded({ at: 'failed' }));
  };
  useEffect(fetch, []);
  if (loaded.at === 'loading') return <p class="quiet" role="status">{words().loading}</p>;
  if (loaded.at === 'failed') {
    return (
      <p class="note" role="alert">
        <Icon name="cloud-off" /><span>{words().loadFailed}</span>
        <button type="button" class="btn" onClick={fetch}>{words().retry}</button>
      </p>
    );
  }
  return <Form said={loaded.said} set={(said) => setLoaded({ at: 'ready', said })} key={loaded.said.version} />;
}

/** Why it was not saved, in the person's language. */
function reason(error: unknown, outside: boolean): string {
  if (!(error instanceof Refused)) return words().saveFailed;
  if (error.status === 422) return outside ? words().refused(error.message) : words().onlyInside;
  return error.status === 403 ? words().forbidden : error.message;
}

function Form({ said, set }: { said: Said; set: (said: Said) => void }) {
  const [to, turn] = useState(said.to);
  const [keep, setKeep] = useState(said.keep);
  const [text, setText] = useState('');
  const [wrong, setWrong] = useState<Fault | null>(null);
  const [refusal, setRefusal] = useState('');
  const [saving, setSaving] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const dirty = isChanged({ to, keep }, said) || text.trim() !== '';

  /** Other addresses: what was said of the former ones is no longer so. */
  const setTo = (now: string[]) => {
    turn(now);
    setRefusal('');
  };
  /** Takes in what stands in the field; null: it may not be. */
  const taken = (): string[] | null => {
    const one = text.trim();
    if (!one) return to;
    const found = fault(one, to, boot.address);
    setWrong(found);
    if (found) {
      input.current?.focus();
      return null;
    }
    setText('');
    setTo([...to, one]);
    return [...to, one];
  };
  const put = async (wanted: string[], done: string) => {
    setSaving(true);
    setRefusal('');
    try {
      set(await save({ to: wanted, keep }, said.version));
      tell(done);
    } catch (error) {
      setRefusal(reason(error, said.outside));
      if (error instanceof Refused && error.status === 412) {
        tell(words().changed, undefined, 'bad');
        load().then(set, () => undefined);
      }
    } finally {
      setSaving(false);
    }
  };
  const submit = (event: Event) => {
    event.preventDefault();
    const wanted = taken();
    if (wanted) void put(wanted, wanted.length > 0 ? words().saved : words().stopped);
  };
  const undo = () => {
    setTo(said.to);
    setKeep(said.keep);
    setText('');
    setWrong(null);
    setRefusal('');
  };

  return (
    <form class="forwarding" onSubmit={submit} noValidate>
      <p class={`standing ${said.to.length > 0 ? 'on' : ''}`}>
        <Icon name={said.to.length > 0 ? 'forward' : 'inbox'} small />{said.to.length > 0 ? words().on(said.to.length) : words().off}
      </p>
      {to.length > 0 && (
        <ul class="targets" aria-label={words().to}>
          {to.map((one) => (
            <li key={one}><span>{one}</span><IconButton icon="x" label={words().remove(one)} onClick={() => setTo(to.filter((other) => other !== one))} /></li>
          ))}
        </ul>
      )}
      {to.length < TO_MAX
        ? <Adder text={text} set={(now) => { setText(now); setWrong(null); }} wrong={wrong} add={taken} input={input} />
        : <p class="quiet">{words().full(TO_MAX)}</p>}
      <p class="policy"><Icon name={said.outside ? 'triangle-alert' : 'shield-check'} small /><span>{said.outside ? words().outside : words().inside}</span></p>
      <label class="tick"><input type="checkbox" checked={keep} onChange={() => setKeep(!keep)} /><span>{words().keep}</span></label>
      <p class="quiet">{keep ? words().kept : words().noKeep}</p>
      <div role="alert">{refusal && <p class="refusal"><Icon name="triangle-alert" small /><span>{refusal}</span></p>}</div>
      <footer>
        <button type="submit" class="btn primary" aria-disabled={!dirty || saving} onClick={(event) => { if (!dirty || saving) event.preventDefault(); }}>
          {saving ? words().saving : words().save}
        </button>
        {dirty && <button type="button" class="btn" onClick={undo}>{words().reset}</button>}
        {!dirty && said.to.length > 0 && <button type="button" class="btn" onClick={() => void put([], words().stopped)}>{words().stop}</button>}
      </footer>
    </form>
  );
}

interface AdderProps {
  text: string;
  set: (text: string) => void;
  wrong: Fault | null;
  add: () => void;
  input: { current: HTMLInputElement | null };
}

function Adder({ text, set, wrong, add, input }: AdderProps) {
  const id = useId();
  return (
    <div class="adder">
      <label for={id}>{words().address}</label>
      <div>
        <input
          ref={input} id={id} type="email" value={text} autocomplete="off" spellcheck={false} inputMode="email" enterkeyhint="done"
          aria-invalid={wrong !== null} aria-describedby={wrong ? `${id}-why` : undefined}
          onInput={(event) => set(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter') {
              event.preventDefault();
              add();
            } else if (event.key === 'Escape' && text) {
              set('');
              event.stopPropagation();
            }
          }}
        />
        <button type="button" class="btn" onClick={add}><Icon name="plus" small />{words().add}</button>
      </div>
      <p class="why" id={`${id}-why`} role="alert">{wrong && words()[wrong]}</p>
    </div>
  );
}
