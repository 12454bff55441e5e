import { Icon } from './Icon';
import type { IconName } from './icon-names';

interface Props {
  label: string;
  icon: IconName;
  keys?: string;
  onClick?: (event: MouseEvent) => void;
  pressed?: boolean;
  disabled?: boolean;
  expanded?: boolean;
  filled?: boolean;
  class?: string;
}

/** A button with a picture only: its words are its name and its tooltip. */
export function IconButton({ label, icon, keys, onClick, pressed, disabled, expanded, filled, class: more }: Props) {
  return (
    <button
      type="button" class={`icon ${more ?? ''}`} aria-label={label} title={keys ? `${label} (${keys})` : label}
      aria-pressed={pressed} aria-expanded={expanded} aria-haspopup={expanded === undefined ? undefined : 'menu'}
      aria-keyshortcuts={keys} disabled={disabled} onClick={onClick}
    >
      <Icon name={icon} filled={filled} />
    </button>
  );
}

export function Avatar({ text, tone, small }: { text: string; tone: string; small?: boolean }) {
  return <span class={`av ${tone}${small ? ' sm' : ''}`} aria-hidden="true">{text}</span>;
}
