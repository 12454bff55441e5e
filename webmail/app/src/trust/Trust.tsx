// The badge beside the sender, what is behind it, and a warning over letters
// that are likely not from whom they say.
import { useState } from 'preact/hooks';
import { boot } from '../boot';
import type { Email } from '../jmap/objects';
import { checks } from '../trace/story';
import { en as traceEn } from '../trace/en';
import { vi as traceVi } from '../trace/vi';
import { Icon } from '../ui/Icon';
import { lang } from '../ui/i18n';
import type { IconName } from '../ui/icon-names';
import { en } from './en';
import { type Judgement, type Kind, domainOf, judge } from './judge';
import { vi } from './vi';
import '../style/trust.css';

const words = () => (lang.value === 'en' ? en : vi);

const LOOKS: Record<Exclude<Kind, 'none'>, [tone: string, icon: IconName]> = {
  inside: ['ok', 'shield-check'], state: ['ok', 'shield-check'], outside: ['plain', 'shield-check'],
  forged: ['bad', 'shield-alert'], failed: ['bad', 'shield-alert'], unproved: ['warn', 'shield-alert'],
  weak: ['plain', 'shield-check'], unchecked: ['plain', 'info'],
};

/** What is odd about the addresses, whatever was proved. */
function oddities(found: Judgement, email: Email): string[] {
  const { like, named, answers, domain } = found;
  return [
    ...(like ? [words().like(domain, like)] : []),
    ...(named ? [words().named(named, email.from?.[0]?.email ?? '')] : []),
    ...(answers ? [words().answers(answers)] : []),
  ];
}

export function Trust({ email }: { email: Email }) {
  const [open, setOpen] = useState(false);
  const found = judge({ from: email.from, replyTo: email.replyTo, fields: email.headers ?? [] }, [domainOf(boot.address)], boot.host);
  if (found.kind === 'none') return null;
  const [tone, icon] = LOOKS[found.kind];
  const odd = oddities(found, email);
  const isBad = tone === 'bad' || (found.like !== null && found.kind !== 'inside');
  const said = words().why[found.kind](found.domain || words().noDomain);
  return (
    <div class="trust">
      <button type="button" class={`badge ${tone}`} aria-expanded={open} title={words().open} onClick={() => setOpen(!open)}>
        <Icon name={icon} small />{words().badge[found.kind]}<Icon name={open ? 'chevron-up' : 'chevron-down'} small />
      </button>
      {(isBad || odd.length > 0) && (
        <div class={`alarm ${isBad ? 'bad' : 'warn'}`} role="note">
          <Icon name="triangle-alert" />
          <div>
            {tone === 'bad' && <p><b>{said}</b></p>}
            {odd.map((line) => <p key={line}>{line}</p>)}
            {isBad && <p>{words().advice}</p>}
          </div>
        </div>
      )}
      {open && <Reasons found={found} said={said} />}
    </div>
  );
}

function Reasons({ found, said }: { found: Judgement; said: string }) {
  const all = checks(found.lines, lang.value === 'en' ? traceEn : traceVi);
  return (
    <section class="reasons" aria-label={words().title}>
      <h3>{words().title}</h3>
      <p>{said}</p>
      {found.kind !== 'inside' && (
        <>
          {all.length > 0 ? <h4>{words().checks}</h4> : found.kind !== 'unchecked' && <p>{words().unchecked}</p>}
          <ul>
            {all.map((check) => (
              <li class={check.tone} key={`${check.name} ${check.text}`}>
                <Icon name={check.tone === 'bad' ? 'triangle-alert' : check.tone === 'ok' ? 'circle-check' : 'info'} small />
                <span>{check.text}</span><small>{check.name}</small>
              </li>
            ))}
          </ul>
          {found.host && <p class="host">{words().came(found.host)}</p>}
        </>
      )}
    </section>
  );
}
