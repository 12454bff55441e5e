// The letter itself. Plain text is drawn here as text; HTML comes from the
// server as a cleaned document of its own, in a frame without scripts.
import { useEffect, useRef, useState } from 'preact/hooks';
import { accountId, letterAddress } from '../jmap/client';
import type { Email } from '../jmap/objects';
import { has, markDamaged } from '../state/emails';
import { print } from '../state/route';
import { nfc } from '../ui/format';
import { Icon } from '../ui/Icon';
import { t } from '../ui/i18n';
import { onKey } from './keymap';
import { type Run, blocks, linkify } from './linkify';

const FRAME_HEIGHT_FIRST = 320;
/** A letter that says it is taller scrolls inside its frame. */
const FRAME_HEIGHT_MAX = 60_000;

export const isPlain = (email: Email) =>
  email.htmlBody.length > 0 && email.htmlBody.every((part) => part.type === 'text/plain')
  && email.htmlBody.every((part) => part.partId !== null && email.bodyValues[part.partId] !== undefined);

/** Smaller than this nobody can read it: then it is scrolled aside instead. */
const ZOOM_MIN = 0.55;
/** A bar to scroll aside takes so much, where it takes anything. */
const SCROLLBAR = 16;

/** Makes a letter that is wider than the page smaller, as far as it can still be read; heights in CSS pixels. */
function fitInto(inside: Document, small: boolean): { height: number; isWide: boolean } {
  const root = inside.documentElement;
  const room = inside.defaultView?.innerWidth ?? 0;
  root.style.zoom = '';
  const wide = Math.max(root.scrollWidth, inside.body.scrollWidth);
  const isWide = room > 0 && wide > room + 1;
  const zoom = isWide && small ? Math.max(ZOOM_MIN, room / wide) : 1;
  if (zoom < 1) root.style.zoom = String(zoom);
  root.style.overflowX = wide * zoom > room + 1 ? 'auto' : '';
  const tall = Math.max(root.offsetHeight, inside.body.scrollHeight) * zoom;
  return { height: Math.min(FRAME_HEIGHT_MAX, Math.ceil(tall) + 1 + (root.style.overflowX ? SCROLLBAR : 0)), isWide };
}

/** The content is lost on the server: what is left, and what can be done. */
export function DamagedLetter({ email }: { email: Email }) {
  const left = nfc(email.preview).trim();
  return (
    <section class="harmed" role="alert">
      <h3><Icon name="triangle-alert" />{t().damagedTitle}</h3>
      <p>{email.attachments.length > 0 ? t().damagedFilesText : t().damagedText}</p>
      <p>{t().damagedHelp}</p>
      {left && <figure><figcaption>{t().damagedLeft}</figcaption><blockquote>{left}…</blockquote></figure>}
      <p class="code">{t().damagedCode(`${accountId()}-${email.id}`)}</p>
      {(email.from?.length ?? 0) > 0 && !has(email, '$draft') && (
        <a class="btn" href={print({ at: 'compose', mode: 'reply', of: email.id, to: '' })}><Icon name="reply" />{t().askAgain}</a>
      )}
    </section>
  );
}

export function TextLetter({ email }: { email: Email }) {
  const [whole, setWhole] = useState(false);
  const values = email.htmlBody.map((part) => email.bodyValues[part.partId ?? '']);
  if (whole) return <HtmlLetter email={email} />;
  const text = nfc(values.map((value) => value?.value ?? '').join('\n')).trimEnd();
  return (
    <div class="body plain">
      {blocks(text).map((block, index) => (block.quoted
        ? <details key={index}><summary>{t().quoted}</summary><p><Runs runs={linkify(block.text)} /></p></details>
        : <p key={index}><Runs runs={linkify(block.text)} /></p>))}
      {values.some((value) => value?.isTruncated) && (
        <p class="note">
          <Icon name="info" /><span>{t().wholeLetter}</span>
          <button type="button" class="btn" onClick={() => setWhole(true)}>{t().wholeLetterShow}</button>
        </p>
      )}
    </div>
  );
}

function Runs({ runs }: { runs: Run[] }) {
  return (
    <>
      {runs.map((run, index) => {
        if (typeof run === 'string') return run;
        const outside = run.href.startsWith('http');
        return (
          <a key={index} href={run.href} target={outside ? '_blank' : undefined} rel={outside ? 'noopener noreferrer nofollow' : undefined}>
            {run.text}
          </a>
        );
      })}
    </>
  );
}

export function HtmlLetter({ email }: { email: Email }) {
  const frame = useRef<HTMLIFrameElement>(null);
  const [images, setImages] = useState(false);
  const [blocked, setBlocked] = useState(0);
  const [height, setHeight] = useState(FRAME_HEIGHT_FIRST);
  const [isWide, setWide] = useState(false);
  const [, setTick] = useState(0);
  const small = useRef(true);
  const refit = useRef<(() => void) | undefined>(undefined);
  const stop = useRef<(() => void) | undefined>(undefined);

  useEffect(() => () => stop.current?.(), []);

  const loaded = () => {
    stop.current?.();
    const inside = frame.current?.contentDocument;
    if (!inside?.body) return;
    if (inside.querySelector('meta[name="congvu-damaged"]')) return markDamaged(email.id);
    const count = inside.querySelector('meta[name="congvu-blocked"]')?.getAttribute('content');
    setBlocked(images ? 0 : Number(count ?? 0) || 0);
    const fit = () => {
      const now = fitInto(inside, small.current);
      setHeight(now.height);
      setWide(now.isWide);
    };
    refit.current = fit;
    fit();
    const watch = new ResizeObserver(fit);
    watch.observe(inside.documentElement);
    watch.observe(inside.body);
    // Keys pressed inside the letter work as outside of it.
    inside.addEventListener('keydown', onKey);
    stop.current = () => {
      watch.disconnect();
      inside.removeEventListener('keydown', onKey);
    };
  };

  return (
    <>
      {blocked > 0 && (
        <div class="note" role="status">
          <Icon name="image-off" /><span>{t().blocked(blocked)}</span>
          <button type="button" class="btn" onClick={() => { setImages(true); setBlocked(0); }}>{t().showImages}</button>
        </div>
      )}
      {isWide && (
        <p class="wide">
          {t().wideLetter}{' '}
          <button type="button" class="linkish" onClick={() => { small.current = !small.current; refit.current?.(); setTick((n) => n + 1); }}>
            {small.current ? t().wideFull : t().wideFit}
          </button>
        </p>
      )}
      <div class="body html">
        <iframe
          ref={frame} title={nfc(email.subject) || t().letter} src={letterAddress(email.id, images)} onLoad={loaded}
          sandbox="allow-same-origin allow-popups allow-popups-to-escape-sandbox" style={{ height: `${height}px` }}
        />
      </div>
    </>
  );
}
