import type { Texts } from '../vi';
import { Dialog } from '../ui/Dialog';
import { t } from '../ui/i18n';
import { help } from './keymap';

/** Alternatives are parted by `|`, sequences by a space. */
const MAP: [string, keyof Texts['keys']][] = [
  ['j|k', 'next'], ['o|Enter', 'open'], ['u|Esc', 'list'], ['/', 'search'], ['c', 'compose'], ['r|a|f', 'reply'],
  ['e|y', 'archive'], ['[|]', 'archiveNext'], ['#|Delete', 'trash'], ['!', 'spam'], ['s', 'flag'], ['x', 'select'],
  ['Shift+j|Shift+k', 'extend'], ['* a|* n', 'all'], ['Shift+i|Shift+u', 'read'], ['v', 'move'], ['l', 'label'], ['h', 'handled'], ['b', 'snooze'], ['n|p', 'thread'], ['w', 'where'], ['z|Ctrl+z', 'undo'],
  ['g i|g d|g t', 'go'], ['g m', 'accounts'], ['g p', 'settings'], ['Ctrl+Enter', 'send'], ['Ctrl+s', 'save'], ['Ctrl+Shift+c|Ctrl+Shift+b', 'cc'], ['?', 'help'],
];

export function Help() {
  if (!help.value) return null;
  return (
    <Dialog title={t().keysTitle} close={() => { help.value = false; }} class="help">
      <dl>
        {MAP.map(([strokes, name]) => (
          <div key={name}>
            <dt>{strokes.split('|').map((one, index) => (
              <span key={one}>
                {index > 0 && <i> {t().or} </i>}
                {one.split(' ').map((key, place) => <span key={key}>{place > 0 && <i> {t().then} </i>}<kbd>{key}</kbd></span>)}
              </span>
            ))}</dt>
            <dd>{t().keys[name]}</dd>
          </div>
        ))}
      </dl>
      <p>{t().keysNote}</p>
    </Dialog>
  );
}
