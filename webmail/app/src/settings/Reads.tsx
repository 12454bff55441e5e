import { useEffect, useState } from 'preact/hooks';
import { longTime, nfc } from '../ui/format';
import { Icon } from '../ui/Icon';
import { ICON, type Look, elsewhere, end, kindOf, load } from './reads';
import { words } from './Settings';

type State = 'loading' | 'failed' | 'ready';

export function Reads() {
  const [looks, setLooks] = useState<Look[]>([]);
  const [cursor, setCursor] = useState<string | null>(null);
  const [state, setState] = useState<State>('loading');
  const fetch = () => {
    setState('loading');
    load(cursor).then((page) => {
      setLooks([...looks, ...page.items]);
      setCursor(page.cursor);
      setState('ready');
    }, () => setState('failed'));
  };
  useEffect(fetch, []);
  const none = state === 'ready' && looks.length === 0 && !cursor;
  return (
    <div class="reads">
      {none && <p class="standing"><Icon name="shield-check" small />{words().readsNone}</p>}
      {looks.length > 0 && <ul aria-label={words().readsTitle}>{looks.map((look) => <Row look={look} key={`${look.id} ${look.at}`} />)}</ul>}
      <p class="quiet" role="status">{state === 'loading' && words().loading}</p>
      {state === 'failed' && (
        <p class="note" role="alert">
          <Icon name="cloud-off" /><span>{words().readsFailed}</span>
          <button type="button" class="btn" onClick={fetch}>{words().retry}</button>
        </p>
      )}
      {state === 'ready' && cursor && <button type="button" class="btn" onClick={fetch}>{words().readsMore}</button>}
    </div>
  );
}

function Row({ look }: { look: Look }) {
  const kind = kindOf(look.scope);
  const until = end(look);
  const mailbox = elsewhere(look);
  return (
    <li>
      <Icon name={ICON[kind]} />
      <div>
        <h3>{words().reads[kind]}</h3>
        <p><span class="reader-of">{look.by}</span> · <time dateTime={look.at}>{longTime(look.at)}</time>{until && <> {words().readUntil} <time dateTime={look.until}>{until}</time></>}</p>
        <p class={look.reason ? 'reason' : 'quiet'}>{look.reason ? `${words().readReason}: ${nfc(look.reason)}` : words().readNoReason}</p>
        {mailbox && <p>{words().readOf}: {mailbox}</p>}
        {look.to && look.to.length > 0 && <p>{words().readTo}: {look.to.join(', ')}</p>}
        {look.order !== null && <p class="quiet">{words().readOrder(look.order)}</p>}
      </div>
    </li>
  );
}
