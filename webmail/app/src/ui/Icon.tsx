import sprite from 'virtual:icons';
import type { IconName } from './icon-names';

/** A picture beside words; whatever stands alone needs words of its own. */
export function Icon({ name, small, filled }: { name: IconName; small?: boolean; filled?: boolean }) {
  return (
    <svg class={`i${small ? ' s' : ''}${filled ? ' filled' : ''}`} aria-hidden="true">
      <use href={`${sprite}#${name}`} />
    </svg>
  );
}
