import { useEffect, useRef, useState } from 'preact/hooks';
import type { Identity } from '../jmap/objects';
import { nfc } from '../ui/format';
import { Icon } from '../ui/Icon';
import { lazily } from '../ui/Lazy';
import { words } from './Settings';
import { type Loaded, load } from './signature';

// The editor is as large as the rest of the page: it comes when somebody writes.
const Form = lazily(async () => (await import('./SignatureForm')).SignatureForm);

export function Signatures() {
  const [loaded, setLoaded] = useState<Loaded | null>(null);
  const [failed, setFailed] = useState(false);
  const [open, setOpen] = useState<string | null>(null);
  const [closed, setClosed] = useState<string | null>(null);
  const fetch = () => {
    setFailed(false);
    load().then(setLoaded, () => setFailed(true));
  };
  useEffect(fetch, []);
  if (failed) {
    return (
      <p class="note" role="alert">
        <Icon name="cloud-off" /><span>{words().signFailed}</span>
        <button type="button" class="btn" onClick={fetch}>{words().retry}</button>
      </p>
    );
  }
  if (!loaded) return <p class="quiet" role="status">{words().loading}</p>;
  return (
    <ul class="signs" aria-label={words().signTitle}>
      {loaded.list.map((one) => (
        <li key={one.id}>
          {open === one.id
            ? <Form identity={one} position={loaded.position} done={(list) => { setOpen(null); setClosed(one.id); if (list) setLoaded({ ...loaded, list }); }} />
            : <Shown identity={one} isBack={closed === one.id} edit={() => setOpen(one.id)} />}
        </li>
      ))}
    </ul>
  );
}

/** Its words alone: what they look like is seen where they are written. `isBack`: one comes from there. */
function Shown({ identity, isBack, edit }: { identity: Identity; isBack: boolean; edit: () => void }) {
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => { if (isBack) button.current?.focus(); }, []);
  const text = nfc(identity.textSignature);
  return (
    <div class="sign">
      <div>
        <h3>{identity.email}</h3>
        {text ? <p class="signed">{text}</p> : <p class="quiet">{words().signNone}</p>}
      </div>
      <button ref={button} type="button" class="btn" onClick={edit} aria-label={text ? words().signEditOf(identity.email) : words().signAddOf(identity.email)}>
        <Icon name={text ? 'pencil-line' : 'plus'} />{text ? words().signEdit : words().signAdd}
      </button>
    </div>
  );
}
