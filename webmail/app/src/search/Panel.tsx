// Under the search box: what was looked for lately, senders, and the operators.
import { useEffect } from 'preact/hooks';
import type { Address } from '../jmap/objects';
import { allRows } from '../state/emails';
import { fold, nameOf } from '../ui/format';
import { Icon } from '../ui/Icon';
import { lang } from '../ui/i18n';
import { type Choice, active, choices, recent } from '../mail/Search';
import { en } from './en';
import { vi } from './vi';
import '../style/search.css';

const PEOPLE_MAX = 4;
/** Shorter words name too many people. */
const PERSON_MIN = 2;

const words = () => (lang.value === 'en' ? en : vi);

/** Those whose letters were seen, the nearest first, each once. */
function senders(typed: string): Address[] {
  const wanted = fold(typed);
  if (wanted.length < PERSON_MIN || /[:"]/.test(wanted)) return [];
  const found = new Map<string, Address>();
  for (const row of allRows()) {
    const one = row.from?.[0];
    if (one && !found.has(one.email) && fold(`${one.name ?? ''} ${one.email}`).includes(wanted)) found.set(one.email, one);
    if (found.size === PEOPLE_MAX) break;
  }
  return [...found.values()];
}

/** What may follow the text typed so far. */
export function offer(text: string, lately: readonly string[]): Choice[] {
  const last = /\S*$/.exec(text)?.[0] ?? '';
  const start = text.slice(0, text.length - last.length);
  const from = words().list[0]?.[0] ?? 'from:';
  const operators = words().list
    .filter(([key]) => (last ? key !== '-' && fold(key).startsWith(fold(last)) && fold(key) !== fold(last) : true))
    .map(([key, hint, example]): Choice => ({ group: 'operators', label: key, hint, example, text: start + key, done: false }));
  if (!text.trim()) return [...lately.map((one): Choice => ({ group: 'recent', label: one, hint: '', example: '', text: one, done: true })), ...operators];
  const people = senders(last).map((one): Choice => ({
    group: 'people', label: words().fromWhom(nameOf(one)), hint: one.email, example: '', text: `${start}${from}"${one.email}"`, done: true,
  }));
  return [...people, ...(last ? operators : [])];
}

export function Panel({ text, take }: { text: string; take: (choice: Choice) => void }) {
  const offered = offer(text, recent.value);
  useEffect(() => { choices.value = offered; }, [text, lang.value, recent.value]);
  if (offered.length === 0) return null;
  const groups = ['recent', 'people', 'operators'] as const;
  return (
    <div class="search-panel" id="search-panel" role="listbox" aria-label={words().operators} onPointerDown={(event) => event.preventDefault()}>
      {groups.map((group) => {
        const own = offered.filter((choice) => choice.group === group);
        return own.length > 0 && (
          <div role="group" aria-label={words()[group]} class={group} key={group}>
            <p aria-hidden="true">{words()[group]}</p>
            {own.map((choice) => {
              const at = offered.indexOf(choice);
              return (
                <div
                  role="option" id={`search-${at}`} key={choice.text} aria-selected={active.value === at}
                  onClick={() => take(choice)} onPointerMove={() => { active.value = at; }}
                >
                  {group === 'operators' ? <code>{choice.label}</code> : <><Icon name={group === 'recent' ? 'clock' : 'mail'} small /><b>{choice.label}</b></>}
                  <span>{choice.hint}</span>
                  {choice.example && <small>{choice.example}</small>}
                </div>
              );
            })}
          </div>
        );
      })}
      {!text.trim() && <p class="note-line">{words().note}</p>}
    </div>
  );
}
