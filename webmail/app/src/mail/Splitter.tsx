import { useRef } from 'preact/hooks';
import { LIST_WIDTH, choose, prefs } from '../state/prefs';
import { t } from '../ui/i18n';

const STEP = 16;
const within = (width: number) => Math.round(Math.min(LIST_WIDTH.max, Math.max(LIST_WIDTH.min, width)));

/** Between list and reader: dragged, or moved by the arrow keys; a double click forgets. */
export function Splitter() {
  const self = useRef<HTMLDivElement>(null);
  const width = prefs.value.listWidth ?? LIST_WIDTH.usual;
  const left = () => self.current?.parentElement?.querySelector('.list')?.getBoundingClientRect().left ?? 0;
  const onKeyDown = (event: KeyboardEvent) => {
    const by = { ArrowLeft: -STEP, ArrowRight: STEP }[event.key];
    if (by === undefined) return;
    choose({ listWidth: within(width + by) });
    event.preventDefault();
  };
  return (
    <div
      ref={self} class="splitter" role="separator" aria-orientation="vertical" tabIndex={0} aria-label={t().splitter}
      aria-valuenow={width} aria-valuemin={LIST_WIDTH.min} aria-valuemax={LIST_WIDTH.max} onKeyDown={onKeyDown}
      onDblClick={() => choose({ listWidth: null })}
      onPointerDown={(event) => { event.currentTarget.setPointerCapture(event.pointerId); event.preventDefault(); }}
      onPointerMove={(event) => {
        if (event.currentTarget.hasPointerCapture(event.pointerId)) choose({ listWidth: within(event.clientX - left()) });
      }}
    />
  );
}
