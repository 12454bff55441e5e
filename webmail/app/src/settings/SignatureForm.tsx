import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { split } from '../compose/address';
import { cleanHtml, textToHtml } from '../compose/clean';
import { type Editor, edit } from '../compose/editor';
import { FormatBar } from '../compose/FormatBar';
import { htmlToText } from '../compose/text';
import type { Identity } from '../jmap/objects';
import { tell } from '../state/toast';
import { ask } from '../ui/Dialog';
import { Icon } from '../ui/Icon';
import { words } from './Settings';
import { type Draft, Refusal, TEXT_MAX, asLines, draftOf, patchOf, save, template } from './signature';

interface Props {
  identity: Identity;
  position: string | null;
  /** Null: nothing was changed. */
  done: (list: Identity[] | null) => void;
}

export function SignatureForm({ identity, position, done }: Props) {
  const [draft, setDraft] = useState<Draft>(() => draftOf(identity));
  const [editor, setEditor] = useState<Editor | null>(null);
  const [saving, setSaving] = useState(false);
  const [refusal, setRefusal] = useState('');
  const change = (part: Partial<Draft>) => {
    setDraft((now) => ({ ...now, ...part }));
    setRefusal('');
  };
  const plain = (to: boolean) => {
    if (to === draft.plain) return;
    change(to ? { plain: true, text: htmlToText(editor?.html() ?? draft.html) } : { plain: false, html: textToHtml(draft.text) });
  };
  const useTemplate = async () => {
    const written = draft.plain ? draft.text.trim() : htmlToText(editor?.html() ?? '');
    if (written && !(await ask({ title: words().signTemplateAsk, yes: words().signTemplate }))) return;
    const html = template(identity, position, { phone: words().signPhone, mail: words().signMail });
    if (draft.plain) return change({ text: asLines(html) });
    editor?.set(cleanHtml(html));
    editor?.focus();
    return undefined;
  };
  const submit = async (event: Event) => {
    event.preventDefault();
    if (saving) return;
    const reply = split(draft.reply);
    if (reply.some((one) => !one.ok)) return setRefusal(words().signBadReply);
    setSaving(true);
    try {
      const patch = patchOf({ ...draft, html: editor?.html() ?? draft.html }, identity, htmlToText, reply.map(({ name, email }) => ({ name, email })));
      const list = await save(identity.id, patch);
      tell(patch.textSignature || patch.htmlSignature ? words().signSaved : words().signRemoved);
      return done(list);
    } catch (error) {
      setRefusal(why(error));
      return setSaving(false);
    }
  };
  return (
    <form class="sign-form away" onSubmit={submit} noValidate onKeyDown={(event) => { if (event.key === 'Escape') { event.stopPropagation(); done(null); } }}>
      <h3>{identity.email}</h3>
      <Kind plain={draft.plain} set={plain} />
      {draft.plain
        ? <textarea rows={6} value={draft.text} maxLength={TEXT_MAX} aria-label={words().signWords(identity.email)} placeholder={words().signHint} onInput={(event) => change({ text: event.currentTarget.value })} />
        : <Rich html={draft.html} label={words().signWords(identity.email)} ready={setEditor} changed={() => setRefusal('')} />}
      <button type="button" class="btn quiet" onClick={() => void useTemplate()}><Icon name="building-2" />{words().signTemplate}</button>
      <Line title={words().signName} note={words().signNameNote} value={draft.name} set={(name) => change({ name })} />
      <Line title={words().signReply} note={words().signReplyNote} value={draft.reply} set={(reply) => change({ reply })} />
      <div role="alert">{refusal && <p class="refusal"><Icon name="triangle-alert" small /><span>{refusal}</span></p>}</div>
      <footer>
        <button type="submit" class="btn primary" aria-disabled={saving}>{saving ? words().saving : words().save}</button>
        <button type="button" class="btn" onClick={() => done(null)}>{words().cancel}</button>
      </footer>
    </form>
  );
}

function why(error: unknown): string {
  if (!(error instanceof Refusal)) return words().signUnsaved;
  const [property] = error.error.properties ?? [];
  if (error.error.type === 'overQuota' || property?.endsWith('Signature')) return words().signTooLong;
  return property === 'replyTo' ? words().signBadReply : words().signUnsaved;
}

function Kind({ plain, set }: { plain: boolean; set: (plain: boolean) => void }) {
  const name = useId();
  return (
    <fieldset class="choices">
      <legend>{words().signKind}</legend>
      <div>
        {([[false, words().signRich], [true, words().signPlain]] as const).map(([value, label]) => (
          <label key={label}><input type="radio" name={name} checked={plain === value} onChange={() => set(value)} /><span>{label}</span></label>
        ))}
      </div>
    </fieldset>
  );
}

/** The letter's own editor, small. */
function Rich({ html, label, ready, changed }: { html: string; label: string; ready: (editor: Editor | null) => void; changed: () => void }) {
  const field = useRef<HTMLDivElement>(null);
  const [editor, setEditor] = useState<Editor | null>(null);
  const [tick, setTick] = useState(0);
  useEffect(() => {
    if (!field.current) return undefined;
    const made = edit(field.current, { changed, moved: () => setTick((count) => count + 1), files: () => undefined });
    made.set(cleanHtml(html));
    made.focus();
    setEditor(made);
    ready(made);
    return () => {
      ready(null);
      made.destroy();
    };
  }, []);
  return (
    <div class="sign-rich">
      {editor && <FormatBar editor={editor} tick={tick} />}
      <div class="txt" ref={field} role="textbox" aria-multiline="true" aria-label={label} spellcheck={false} />
    </div>
  );
}

function Line({ title, note, value, set }: { title: string; note: string; value: string; set: (value: string) => void }) {
  const id = useId();
  return (
    <div class="line">
      <label for={id}>{title}</label>
      <input id={id} type="text" value={value} aria-describedby={`${id}-note`} autocomplete="off" onInput={(event) => set(event.currentTarget.value)} />
      <p class="quiet" id={`${id}-note`}>{note}</p>
    </div>
  );
}
