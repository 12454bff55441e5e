import { downloadAddress } from '../jmap/client';
import type { Email, Part } from '../jmap/objects';
import { fileKind, nfc, size } from '../ui/format';
import { Icon } from '../ui/Icon';
import { t } from '../ui/i18n';

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
        return (
          <a
            class="file" key={part.blobId} download={name} href={downloadAddress(part.blobId ?? '', name, part.type)}
            aria-label={`${t().download(name)}, ${size(part.size)}`}
          >
            <i class={kind.tone} aria-hidden="true">{kind.label}</i>
            <span class="file-name"><span title={name}>{name}</span><small>{size(part.size)}</small></span>
            <Icon name="download" />
          </a>
        );
      })}
    </section>
  );
}
