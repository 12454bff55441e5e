// A letter as it came: its header and its text, octet for octet, never as markup.
import { useEffect, useState } from 'preact/hooks';
import { downloadAddress } from '../jmap/client';
import type { Email } from '../jmap/objects';
import { tell } from '../state/toast';
import { Dialog } from '../ui/Dialog';
import { size } from '../ui/format';
import { Icon } from '../ui/Icon';
import { t } from '../ui/i18n';
import '../style/source.css';

/** More is files in base64; who wants it takes the file. */
const SHOWN_MAX = 300_000;

async function load(email: Email): Promise<string> {
  const answer = await fetch(downloadAddress(email.blobId, 'thu.eml', 'message/rfc822'), { credentials: 'same-origin', headers: { range: `bytes=0-${SHOWN_MAX - 1}` } });
  if (!answer.ok) throw new Error(String(answer.status));
  // Mail is ASCII, or UTF-8 (RFC 6532); what is neither is still shown.
  return new TextDecoder().decode((await answer.arrayBuffer()).slice(0, SHOWN_MAX));
}

export function Source({ email, close }: { email: Email; close: () => void }) {
  const [text, setText] = useState<string | null>(null);
  const [failed, setFailed] = useState(false);
  useEffect(() => { load(email).then(setText, () => setFailed(true)); }, [email.id]);
  const copy = () => void navigator.clipboard.writeText(text ?? '').then(() => tell(t().sourceCopied), () => tell(t().actFailed, undefined, 'bad'));
  return (
    <Dialog title={t().source} close={close} class="source">
      {failed ? <p role="alert">{t().readFailed}</p> : text === null ? <p role="status">{t().sourceLoading}</p> : (
        // The words of a letter are long; who reads by keys scrolls them.
        <pre tabIndex={0} aria-label={t().source}>{text}</pre>
      )}
      {email.size > SHOWN_MAX && <p class="cut">{t().sourceCut(size(SHOWN_MAX), size(email.size))}</p>}
      <footer>
        <button type="button" class="btn" disabled={!text} onClick={copy}><Icon name="copy" />{t().sourceCopy}</button>
        <a class="btn" href={downloadAddress(email.blobId, 'thu.eml', 'message/rfc822')} download="thu.eml"><Icon name="download" />{t().saveFile}</a>
      </footer>
    </Dialog>
  );
}
