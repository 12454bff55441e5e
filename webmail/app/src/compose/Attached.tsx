import { IconButton } from '../ui/Button';
import { fileKind, percent, size } from '../ui/format';
import { t } from '../ui/i18n';
import type { Letter } from './model';
import { words } from './words';

export function Attached({ letter }: { letter: Letter }) {
  if (letter.files.value.length === 0) return null;
  return (
    <ul class="files" aria-label={t().files(letter.files.value.length)}>
      {letter.files.value.map((file) => {
        const kind = fileKind(file.name, file.type);
        const state = file.failed ? words().uploadFailed : file.blobId ? words().uploaded : words().uploading(percent(file.sent));
        return (
          <li class={`file${file.failed ? ' bad' : ''}`} key={file.key}>
            <i class={kind.tone} aria-hidden="true">{kind.label}</i>
            <span class="file-name">
              <span title={file.name}>{file.name}</span>
              <small>{size(file.size)} · {state}</small>
              {!file.blobId && !file.failed && (
                <progress aria-label={words().uploading('')} max={1} value={file.sent} />
              )}
            </span>
            <IconButton icon="x" label={words().removeFile(file.name)} onClick={() => letter.detach(file.key)} />
          </li>
        );
      })}
    </ul>
  );
}
