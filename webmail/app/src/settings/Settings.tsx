// The settings as a page: what one chose for this computer, and what the server
// does with one's mail.
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import { choose, chooseLang, prefs } from '../state/prefs';
import { place, print } from '../state/route';
import { Icon } from '../ui/Icon';
import { type Lang, lang, t } from '../ui/i18n';
import { en } from './en';
import { Forwarding } from './Forwarding';
import { Reads } from './Reads';
import { Signatures } from './Signatures';
import { Vacation } from './Vacation';
import { vi } from './vi';
import '../style/settings.css';

export const words = () => (lang.value === 'en' ? en : vi);

export function Settings() {
  const self = useRef<HTMLElement>(null);
  useEffect(() => self.current?.focus(), []);
  return (
    <main class="settings-page" ref={self} tabIndex={-1} aria-labelledby="settings-title">
      <header>
        <a class="icon" href={print(place.value)} aria-label={words().back} title={`${words().back} (u)`}><Icon name="arrow-left" /></a>
        <h1 id="settings-title">{words().title}</h1>
      </header>
      <div class="settings-sheet">
        <Section title={words().signTitle} note={words().signNote}><Signatures /></Section>
        <Section title={words().forwarding} note={words().forwardingNote}><Forwarding /></Section>
        <Section title={words().awayTitle} note={words().awayNote}><Vacation /></Section>
        <Section title={words().security} note={words().securityNote}>
          <a class="btn" href="/login/second">{words().second}</a>
        </Section>
        <Section title={words().readsTitle} note={words().readsNote}><Reads /></Section>
        <Section title={words().display} note={words().displayNote}><Display /></Section>
      </div>
    </main>
  );
}

function Section({ title, note, children }: { title: string; note: string; children: ComponentChildren }) {
  const id = useId();
  return (
    <section class="card" aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      <p class="card-note">{note}</p>
      {children}
    </section>
  );
}

interface Choice<T> {
  title: string;
  value: T;
  options: [value: T, label: string][];
  set: (value: T) => void;
}

function Choices<T extends string>({ title, value, options, set }: Choice<T>) {
  const name = useId();
  return (
    <fieldset class="choices">
      <legend>{title}</legend>
      <div>
        {options.map(([one, label]) => (
          <label key={one}><input type="radio" name={name} checked={one === value} onChange={() => set(one)} /><span>{label}</span></label>
        ))}
      </div>
    </fieldset>
  );
}

function Display() {
  const { theme, density, keys, threads } = prefs.value;
  const { themes, densities } = t();
  return (
    <>
      <Choices<Lang> title={t().language} value={lang.value} options={[['vi', 'Tiếng Việt'], ['en', 'English']]} set={(to) => void chooseLang(to)} />
      <Choices
        title={t().theme} value={theme} options={[['auto', themes.auto], ['light', themes.light], ['dark', themes.dark]]}
        set={(to) => choose({ theme: to })}
      />
      <Choices
        title={t().density} value={density} options={[['comfortable', densities.comfortable], ['compact', densities.compact]]}
        set={(to) => choose({ density: to })}
      />
      <label class="tick"><input type="checkbox" checked={threads} onChange={() => choose({ threads: !threads })} /><span>{t().threadsOn}</span></label>
      <label class="tick"><input type="checkbox" checked={keys} onChange={() => choose({ keys: !keys })} /><span>{t().keysOn}</span></label>
    </>
  );
}
