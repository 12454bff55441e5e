// A file of a letter, looked at without saving it: pictures, text, letters.
// Nothing of it is ever taken for markup; what may hold a program is not shown.
import { useEffect, useState } from 'preact/hooks';
import { htmlToText } from '../compose/text';
import { downloadAddress, request } from '../jmap/client';
import type { Address, Email, Part } from '../jmap/objects';
import { Dialog } from '../ui/Dialog';
import { IconButton } from '../ui/Button';
import { fullAddress, longTime, nfc, number, size } from '../ui/format';
import { Icon } from '../ui/Icon';
import { t } from '../ui/i18n';
import { fileName, kindOf } from '../mail/Files';
import '../style/source.css';

/** More of a text is for a program of one's own. */
const TEXT_MAX = 500_000;

/** Old Vietnamese files are not always UTF-8: what is not is read as Windows-1258. */
function decode(octets: ArrayBuffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(octets);
  } catch {
    return new TextDecoder('windows-1258').decode(octets);
  }
}

async function text(part: Part): Promise<string> {
  const answer = await fetch(downloadAddress(part.blobId ?? '', fileName(part), part.type), { credentials: 'same-origin' });
  if (!answer.ok) throw new Error(String(answer.status));
  const octets = await answer.arrayBuffer();
  const cut = octets.byteLength > TEXT_MAX;
  // A cut may fall into the middle of a sign, which is no fault of the file.
  return cut ? new TextDecoder().decode(octets.slice(0, TEXT_MAX)) : decode(octets);
}

const PROPERTIES = ['from', 'to', 'cc', 'subject', 'sentAt', 'textBody', 'attachments', 'bodyValues'];

/** RFC 8621 §4.9. */
async function letter(part: Part): Promise<Email> {
  const [parsed] = await request<[{ parsed: Record<string, Email> | null }]>([
    ['Email/parse', { blobIds: [part.blobId], properties: PROPERTIES, fetchTextBodyValues: true, maxBodyValueBytes: TEXT_MAX }],
  ]);
  const found = parsed.parsed?.[part.blobId ?? ''];
  if (!found) throw new Error('no letter');
  return found;
}

export function Preview({ parts, at, go, close }: { parts: Part[]; at: number; go: (at: number) => void; close: () => void }) {
  const part = parts[at];
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (by && parts[at + by]) go(at + by);
    };
    document.addEventListener('keydown', onKeyDown);
    return () => document.removeEventListener('keydown', onKeyDown);
  }, [at]);
  if (!part) return null;
  const name = fileName(part);
  return (
    <Dialog title={name} close={close} class="source preview">
      <Shown part={part} key={part.blobId} />
      <footer>
        {parts.length > 1 && (
          <span class="which">
            <IconButton icon="arrow-left" label={t().previousFile} disabled={at === 0} onClick={() => go(at - 1)} />
            {t().position(number(at + 1), number(parts.length))}
            <IconButton icon="arrow-right" label={t().nextFile} disabled={at === parts.length - 1} onClick={() => go(at + 1)} />
          </span>
        )}
        <a class="btn" href={downloadAddress(part.blobId ?? '', name, part.type)} download={name}><Icon name="download" />{t().downloadThis(size(part.size))}</a>
      </footer>
    </Dialog>
  );
}

function Shown({ part }: { part: Part }) {
  const kind = kindOf(part);
  const [failed, setFailed] = useState(false);
  if (failed) return <p role="alert">{t().previewFailed}</p>;
  if (kind === 'picture') {
    return <img class="picture" src={downloadAddress(part.blobId ?? '', fileName(part), part.type)} alt={fileName(part)} onError={() => setFailed(true)} />;
  }
  return kind === 'letter' ? <Inside part={part} fail={() => setFailed(true)} /> : <Words part={part} fail={() => setFailed(true)} />;
}

function Words({ part, fail }: { part: Part; fail: () => void }) {
  const [words, setWords] = useState<string | null>(null);
  useEffect(() => { text(part).then(setWords, fail); }, []);
  return words === null ? <p role="status">{t().sourceLoading}</p> : <pre tabIndex={0} aria-label={fileName(part)}>{nfc(words)}</pre>;
}

function Inside({ part, fail }: { part: Part; fail: () => void }) {
  const [found, setFound] = useState<Email | null>(null);
  useEffect(() => { letter(part).then(setFound, fail); }, []);
  if (!found) return <p role="status">{t().sourceLoading}</p>;
  const people = (list: Address[] | null) => (list ?? []).map(fullAddress).join(', ');
  const lines = [
    [t().from, people(found.from)], [t().to, people(found.to)], [t().cc, people(found.cc)], [t().date, found.sentAt ? longTime(found.sentAt) : ''],
    [t().subject, nfc(found.subject)],
  ].filter(([, value]) => value);
  const body = found.textBody.map((one) => {
    const value = found.bodyValues[one.partId ?? '']?.value ?? '';
    return one.type === 'text/html' ? htmlToText(value) : value;
  });
  return (
    <>
      <dl class="details">{lines.map(([label, value]) => <div key={label}><dt>{label}</dt><dd>{value}</dd></div>)}</dl>
      <pre tabIndex={0} aria-label={t().letter} class="prose">{nfc(body.join('\n')).trim()}</pre>
      {found.attachments.length > 0 && <p class="cut">{t().files(found.attachments.length)}: {found.attachments.map(fileName).join(', ')}</p>}
    </>
  );
}
