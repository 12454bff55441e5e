// Keys: the Gmail set (ui/README.md section 5), safe with Vietnamese input
// methods. Backspace is never bound: Unikey sends it while composing.

const MARKS: Record<string, string> = {
  '\u0301': 's', '\u0300': 'f', '\u0309': 'r', '\u0303': 'x', '\u0323': 'j', '\u031b': 'w', '\u0306': 'w',
};
const CIRCUMFLEX = '\u0302';

/** The key that was pressed when Telex made `ê` of a second `e`, or `á` of `s`. */
export function pressed(key: string): string {
  if (key.length !== 1) return key;
  if (key === 'đ' || key === 'Đ') return key === 'đ' ? 'd' : 'D';
  const [letter = key, ...marks] = key.normalize('NFD');
  const mark = marks.at(-1);
  if (mark === undefined) return key;
  const plain = mark === CIRCUMFLEX ? letter : (MARKS[mark] ?? key);
  return letter === letter.toUpperCase() && letter !== letter.toLowerCase() ? plain.toUpperCase() : plain;
}

/** The name of a stroke: `j`, `Shift+j`, `Ctrl+Enter`, `#`, `Escape`. */
export function stroke(event: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey'>): string {
  let key = pressed(event.key);
  const letter = key.length === 1 && key.toLowerCase() !== key.toUpperCase();
  if (letter) key = key.toLowerCase();
  const parts: string[] = [];
  if (event.ctrlKey || event.metaKey) parts.push('Ctrl');
  if (event.altKey) parts.push('Alt');
  // A sign already says that Shift was held.
  if (event.shiftKey && (letter || key.length > 1)) parts.push('Shift');
  return [...parts, key].join('+');
}

const PREFIXES = new Set(['g', '*']);
const PREFIX_MS = 1_500;

export type Bindings = Record<string, () => void | boolean>;

/** In a field, only strokes with Ctrl and Escape belong to the page. */
const isField = (target: EventTarget | null) => {
  const at = target as Partial<HTMLElement> | null;
  return at?.isContentEditable === true || /^(INPUT|TEXTAREA|SELECT)$/.test(at?.tagName ?? '')
    && (at as HTMLInputElement).type !== 'checkbox';
};

/** Whether the focused control does something of its own with this key. */
const isTaken = (target: EventTarget | null, name: string) => {
  const at = target as Element | null;
  if (!at?.closest) return false;
  if (at.closest('dialog, [role=menu]')) return true;
  return (name === 'Enter' || name === ' ') && at.closest('a, button, input, summary') !== null;
};

/** Makes the listener for `keydown`; `bindings` is asked anew at each stroke. */
export function listener(bindings: () => Bindings, single: () => boolean): (event: KeyboardEvent) => void {
  let prefix = '';
  let since = 0;
  return (event) => {
    if (event.defaultPrevented || event.isComposing || event.key === 'Process') return;
    const name = stroke(event);
    const modified = event.ctrlKey || event.metaKey || event.altKey;
    if (isField(event.target) && !modified && name !== 'Escape') return;
    if (!modified && name.length <= 7 && !single() && !/^(Escape|Arrow|Enter)/.test(name)) return;
    if (isTaken(event.target, name)) return;
    const whole = prefix && event.timeStamp - since < PREFIX_MS ? `${prefix} ${name}` : name;
    prefix = '';
    const act = bindings()[whole];
    if (act) {
      if (act() !== false) event.preventDefault();
    } else if (PREFIXES.has(name)) {
      prefix = name;
      since = event.timeStamp;
    }
  };
}
