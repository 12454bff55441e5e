import { downloadAddress } from '../jmap/client';
import type { Email, Part } from '../jmap/objects';
import { fileKind, nfc, size } from '../ui/format';
import { Icon } from '../ui/Icon';
import { t } from '../ui/i18n';

/** Raster pictures are shown small; SVG is a program and is not. Larger ones are not fetched for a thumbnail. */
const RASTER = /^image\/(png|jpeg|gif|webp)$/;
const THUMB_MAX = 3_000_000;

/** Pictures that the HTML shows in its place are not listed again. */
export const isInline = (part: Part) => part.disposition === 'inline' && part.cid !== null && part.type.startsWith('image/');

export const fileName = (part: Part) => nfc(part.name) || `${t().unnamed}${part.type === 'message/rfc822' ? '.eml' : ''}`;

export function Files({ email }: { email: Email }) {
  const html = email.htmlBody.some((part) => part.type === 'text/html');
  const parts = email.attachments.filter((part) => part.blobId && !(html && isInline(part)));
  if (parts.length === 0) return null;
  return (
    <section class="files" aria-label={t().files(parts.length)}>
      {parts.map((part) => {
        const name = fileName(part);
        const kind = fileKind(name, part.type);
        const href = downloadAddress(part.blobId ?? '', name, part.type);
        const picture = RASTER.test(part.type) && part.size <= THUMB_MAX;
        return (
          <a
            class="file" key={part.blobId} download={name} href={href}
            aria-label={`${t().download(name)}, ${size(part.size)}`}
          >
            {picture
              ? <img src={href} alt="" loading="lazy" width={36} height={36} />
              : <i class={kind.tone} aria-hidden="true">{kind.label}</i>}
            <span class="file-name"><span title={name}>{name}</span><small>{size(part.size)}</small></span>
            <Icon name="download" />
          </a>
        );
      })}
    </section>
  );
}
