import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { boot } from '../boot';
import { composing } from '../mail/keymap';
import { viewedOwner } from '../state/accounts';
import { takeKept } from '../state/kept';
import { holdBack, sendLater } from '../state/outbox';
import { type Route, go, place } from '../state/route';
import { identities, meetSelf } from '../state/self';
import { hush, tell } from '../state/toast';
import { when } from '../mail/LaterMenus';
import { reached } from '../state/sync';
import { IconButton } from '../ui/Button';
import { ask } from '../ui/Dialog';
import { clock, fullAddress, size } from '../ui/format';
import { Icon } from '../ui/Icon';
import { t } from '../ui/i18n';
import { split } from './address';
import { Attached } from './Attached';
import { Checks, Warnings, doubts } from './Checks';
import { type Editor, edit } from './editor';
import { sizeMax } from './files';
import { FormatBar } from './FormatBar';
import { Letter } from './model';
import { Options } from './Options';
import { meet } from './people';
import { BLANK, type Beginning, NEW, Sent, draft, forward, reply } from './quote';
import { Recipients } from './Recipients';
import { words } from './words';
import '../style/compose.css';

type At = Extract<Route, { at: 'compose' }>;

async function begin(at: At): Promise<Beginning> {
  if (at.of) await holdBack(at.of);
  const kept = takeKept() as Beginning | null;
  if (kept) return { ...BLANK, ...kept };
  switch (at.of === null ? 'new' : at.mode) {
    case 'reply': return reply(at.of ?? '', false);
    case 'all': return reply(at.of ?? '', true);
    case 'forward': return forward(at.of ?? '');
    case 'draft': return draft(at.of ?? '');
    // In a seat's mail one writes as the seat, where one may.
    default: return { ...NEW, to: split(at.to), as: viewedOwner.value ? [viewedOwner.value.address] : [] };
  }
}

/** Loads what the letter begins with, then shows it. */
export function Compose({ route }: { route: At }) {
  const [letter, setLetter] = useState<Letter | null>(null);
  const [failed, setFailed] = useState('');
  const key = `${route.mode}/${route.of}/${route.to}`;
  useEffect(() => {
    let here = true;
    setLetter(null);
    setFailed('');
    void meet().catch(() => undefined);
    begin(route).then((begun) => { if (here) setLetter(new Letter(begun)); }, (error) => { if (here) setFailed(error instanceof Sent ? words().sentAlready : t().readFailed); });
    return () => {
      here = false;
      // What was wrong with this letter is nothing of the next one.
      hush();
    };
  }, [key]);
  if (letter) return <Sheet letter={letter} mode={route.mode} key={key} />;
  return (
    <main class="compose-wait">
      {failed ? (
        <div class="state bad" role="alert">
          <Icon name="cloud-off" /><p>{failed}</p>
          <button type="button" class="btn" onClick={() => go(place.value)}>{t().close}</button>
        </div>
      ) : <p class="state quiet" role="status">{t().openingEditor}</p>}
    </main>
  );
}

const TITLES = { new: 'newMessage', draft: 'newMessage', reply: 'reply', all: 'replyAll', forward: 'forward' } as const;

function Sheet({ letter, mode }: { letter: Letter; mode: At['mode'] }) {
  const field = useRef<HTMLDivElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const [editor, setEditor] = useState<Editor | null>(null);
  const [tick, setTick] = useState(0);
  const [more, setMore] = useState(letter.cc.value.length + letter.bcc.value.length > 0);
  const [dragging, setDragging] = useState(false);
  const attach = (files: File[]) => {
    for (const name of letter.attach(files)) tell(words().fileTooBig(name, size(sizeMax())), undefined, 'bad');
  };
  const acts = useMemo(() => actsOf(letter), [letter]);

  useEffect(() => {
    if (!field.current) return undefined;
    const made = edit(field.current, {
      changed: () => { letter.look(); letter.changed(); },
      moved: () => setTick((count) => count + 1),
      files: attach,
    });
    made.set(letter.html());
    letter.html = made.html;
    letter.look();
    setEditor(made);
    if (mode === 'reply' || mode === 'all' || (mode === 'draft' && letter.to.value.length > 0)) made.focus();
    return () => {
      const last = made.html();
      letter.html = () => last;
      made.destroy();
    };
  }, [letter]);

  const sender = letter.sender.value;
  useEffect(() => {
    const signature = editor && sender && letter.sign(sender);
    if (!editor || signature === null || signature === undefined) return;
    editor.sign(signature);
    letter.look();
    if (letter.bcc.value.length > 0) setMore(true);
  }, [editor, sender]);

  useEffect(() => {
    composing.keys = {
      'Ctrl+Enter': () => void acts.send(),
      'Ctrl+s': () => void letter.save(),
      'Ctrl+Shift+c': () => setMore(true),
      'Ctrl+Shift+b': () => setMore(true),
      'Escape': () => void acts.close(),
    };
    const warn = (event: BeforeUnloadEvent) => {
      if (letter.saving.value === 'dirty' || letter.saving.value === 'failed') event.preventDefault();
    };
    window.addEventListener('beforeunload', warn);
    return () => {
      composing.keys = {};
      window.removeEventListener('beforeunload', warn);
      // Going elsewhere keeps the draft.
      if (!acts.over()) void letter.save();
      letter.stopTimer();
    };
  }, [letter]);

  // What could not be saved is saved once the server answers again.
  const back = reached.value;
  useEffect(() => { if (back && letter.saving.value === 'failed') letter.changed(); }, [back]);

  const drop = (event: DragEvent) => {
    event.preventDefault();
    setDragging(false);
    attach([...(event.dataTransfer?.files ?? [])]);
  };
  const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;

  return (
    <main class="cw" aria-labelledby="compose-title">
      <div
        class={`ed${dragging ? ' dropping' : ''}`} onDrop={drop}
        onDragOver={(event) => { if (hasFiles(event)) { event.preventDefault(); setDragging(true); } }}
        onDragLeave={(event) => { if (event.target === event.currentTarget) setDragging(false); }}
      >
        <div class="tools">
          <h1 id="compose-title">{t()[TITLES[mode]]}</h1>
          <span class="sp" />
          <Saved letter={letter} />
          <IconButton icon="x" label={t().close} keys="Esc" onClick={() => void acts.close()} />
        </div>
        <div class="sheet">
          <From letter={letter} />
          <div class="with-more">
            <Recipients label={t().to} name="to" list={letter.to} changed={() => letter.changed()} autoFocus={letter.to.value.length === 0} />
            {!more && <button type="button" class="btn quiet sm show-cc" onClick={() => setMore(true)}>{words().showCc}</button>}
          </div>
          {more && <Recipients label={t().cc} name="cc" list={letter.cc} changed={() => letter.changed()} />}
          {more && <Recipients label={t().bcc} name="bcc" list={letter.bcc} changed={() => letter.changed()} />}
          <div class="fld">
            <label for="compose-subject">{t().subject}</label>
            <div class="v">
              <input
                id="compose-subject" name="subject" class="subj" value={letter.subject.value} maxLength={900} autocomplete="off"
                onInput={(event) => { letter.subject.value = event.currentTarget.value; letter.changed(); }}
              />
            </div>
          </div>
          {editor && <FormatBar editor={editor} tick={tick} />}
          <div class={letter.blank.value ? 'txt blank' : 'txt'} ref={field} role="textbox" aria-multiline="true" aria-label={t().body} data-hint={words().bodyHint} spellcheck={false} />
          <Attached letter={letter} />
        </div>
        <Warnings letter={letter} />
        <div class={letter.at.value ? 'send later' : 'send'}>
          <button type="button" class="btn primary" aria-disabled={!letter.canSend.value} onClick={() => void acts.send()} title={`${t().send} (Ctrl+Enter)`}>
            <Icon name={letter.at.value ? 'clock' : 'send'} />{letter.at.value ? t().sendAt(when(letter.at.value)) : t().send}
          </button>
          <Options letter={letter} />
          <button type="button" class="btn quiet attach" aria-label={words().attach} onClick={() => picker.current?.click()}><Icon name="paperclip" /><span>{words().attach}</span></button>
          <input
            ref={picker} type="file" name="files" multiple hidden tabIndex={-1} aria-label={words().attach}
            onChange={(event) => { attach([...(event.currentTarget.files ?? [])]); event.currentTarget.value = ''; }}
          />
          <span class="sp" />
          <kbd class="only-wide">Ctrl + Enter</kbd>
          <IconButton icon="trash-2" label={words().discard} onClick={() => void acts.discard()} />
        </div>
        {dragging && <p class="dropzone"><Icon name="upload" />{words().dropHere}</p>}
      </div>
      <Checks letter={letter} />
    </main>
  );
}

/** Who sends it: said, and where there is more than one, chosen. */
function From({ letter }: { letter: Letter }) {
  const sender = letter.sender.value ?? { name: boot.name, email: boot.address };
  const many = identities.value.length > 1;
  const owner = viewedOwner.value;
  const isOther = owner && owner.address.toLowerCase() !== sender.email.toLowerCase();
  return (
    <>
      <div class="fld">
        {many ? <label for="compose-from">{t().from}</label> : <span class="lb">{t().from}</span>}
        {many ? (
          <div class="v">
            <select
              id="compose-from" name="from" class="from" value={sender.email}
              onChange={(event) => { letter.chosen.value = event.currentTarget.value; letter.changed(); }}
            >
              {identities.value.map((one) => <option key={one.id} value={one.email}>{fullAddress(one)}</option>)}
            </select>
          </div>
        ) : <div class="v own">{fullAddress(sender)}</div>}
      </div>
      {isOther && <p class="from-own"><Icon name="info" small />{words().fromOwn(owner.name)}</p>}
    </>
  );
}

function Saved({ letter }: { letter: Letter }) {
  const at = letter.savedAt.value;
  const text = letter.saving.value === 'saving' ? words().saving
    : letter.saving.value === 'failed' ? words().saveFailed
      : at ? words().savedAt(clock(at)) : '';
  return <small role="status" class={letter.saving.value === 'failed' ? 'bad' : undefined}>{text}</small>;
}

/** The three ways a letter ends: sent, kept, thrown away. */
function actsOf(letter: Letter) {
  let over = false;
  const leave = () => {
    over = true;
    go(place.value);
  };
  const send = async () => {
    (document.activeElement as HTMLElement | null)?.blur();
    const bad = letter.bad.value[0];
    if (letter.everyone.value.length === 0) return void tell(words().checkNoOne, undefined, 'bad');
    if (bad) return void tell(words().badAddress(bad.email), undefined, 'bad');
    if (letter.uploading.value.length > 0) return void tell(words().checkUploading(letter.uploading.value.length), undefined, 'bad');
    if (letter.failedFiles.value.length > 0) return void tell(words().checkFailed(letter.failedFiles.value.length), undefined, 'bad');
    const points = doubts(letter);
    if (points.length > 0 && !(await ask({ title: words().sendAsk, points, yes: words().sendAnyway }))) return undefined;
    letter.changed();
    if (!letter.sender.value) await meetSelf().catch(() => undefined);
    if (!(await letter.save()) || !letter.saved || !letter.sender.value) return void tell(words().saveFailed, undefined, 'bad');
    const at = letter.at.value && letter.at.value.getTime() > Date.now() ? letter.at.value : null;
    sendLater({
      draft: letter.saved, identity: letter.sender.value.id, answers: letter.answers, at, receipt: letter.arrival.value,
      from: letter.sender.value.email, to: letter.everyone.value.map((one) => one.email),
    }, at ? when(at) : undefined);
    return leave();
  };
  const close = async () => {
    if (letter.saving.value !== 'clean' && !(await letter.save())) return void tell(words().saveFailed, undefined, 'bad');
    return leave();
  };
  const discard = async () => {
    const empty = letter.saving.value === 'clean' && !letter.saved;
    if (!empty && !(await ask({ title: words().discardTitle, text: words().discardText, yes: words().discard, danger: true }))) return;
    over = true;
    await letter.discard().catch(() => tell(t().actFailed, undefined, 'bad'));
    go(place.value);
  };
  return { send, close, discard, over: () => over };
}
