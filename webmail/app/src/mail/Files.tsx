import { useState } from 'preact/hooks';
import { downloadAddress } from '../jmap/client';
import type { Email, Part } from '../jmap/objects';
import { fileKind, nfc, size } from '../ui/format';
import { Icon } from '../ui/Icon';
import { lazily } from '../ui/Lazy';
import { t } from '../ui/i18n';

/** Raster pictures are shown; SVG is a program and is not. Larger ones are not fetched for a thumbnail. */
const RASTER = /^image\/(png|jpeg|gif|webp)$/;
const THUMB_MAX = 3_000_000;
const TEXT = /^text\/(plain|csv|markdown|calendar)$/;

/** Pictures that the HTML shows in its place are not listed again. */
export const isInline = (part: Part) => part.disposition === 'inline' && part.cid !== null && part.type.startsWith('image/');

export const fileName = (part: Part) => nfc(part.name) || `${t().unnamed}${part.type === 'message/rfc822' ? '.eml' : ''}`;

/** What can be looked at here; null: only saved. */
export function kindOf(part: Part): 'picture' | 'text' | 'letter' | null {
  if (RASTER.test(part.type)) return 'picture';
  if (part.type === 'message/rfc822') return 'letter';
  return TEXT.test(part.type) ? 'text' : null;
}

const Preview = lazily(async () => (await import('../later/Preview')).Preview);

export function Files({ email }: { email: Email }) {
  const [at, setAt] = useState(-1);
  const html = email.htmlBody.some((part) => part.type === 'text/html');
  const parts = email.attachments.filter((part) => part.blobId && !(html && isInline(part)));
  if (parts.length === 0) return null;
  const shown = parts.filter((part) => kindOf(part) !== null);
  const all = () => void import('../later/saveAll').then(({ saveAll }) => saveAll(parts, fileName, nfc(email.subject) || t().noSubject), () => undefined);
  return (
    <section class="files" aria-label={t().files(parts.length)}>
      {parts.map((part) => <File part={part} look={kindOf(part) ? () => setAt(shown.indexOf(part)) : null} key={part.blobId} />)}
      {parts.length > 1 && <button type="button" class="btn quiet sm all" onClick={all}><Icon name="download" small />{t().downloadAll}</button>}
      {at >= 0 && <Preview parts={shown} at={at} go={setAt} close={() => setAt(-1)} />}
    </section>
  );
}

function File({ part, look }: { part: Part; look: (() => void) | null }) {
  const name = fileName(part);
  const kind = fileKind(name, part.type);
  const href = downloadAddress(part.blobId ?? '', name, part.type);
  const face = RASTER.test(part.type) && part.size <= THUMB_MAX
    ? <img src={href} alt="" loading="lazy" width={36} height={36} />
    : <i class={kind.tone} aria-hidden="true">{kind.label}</i>;
  const words = <span class="file-name"><span title={name}>{name}</span><small>{size(part.size)}</small></span>;
  const save = `${t().download(name)}, ${size(part.size)}`;
  if (!look) return <a class="file" download={name} href={href} aria-label={save}>{face}{words}<Icon name="download" /></a>;
  return (
    <span class="file two">
      <button type="button" aria-label={`${t().preview(name)}, ${size(part.size)}`} onClick={look}>{face}{words}</button>
      <a class="icon" download={name} href={href} aria-label={save} title={t().download(name)}><Icon name="download" /></a>
    </span>
  );
}
