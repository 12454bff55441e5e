import { dismiss, spoken, toasts } from '../state/toast';
import { IconButton } from './Button';
import { t } from './i18n';

/** The live regions are always there: one made with its text is not read out. */
export function Toasts() {
  return (
    <>
      <div class="toasts" role="status" aria-live="polite">
        {toasts.value.map((toast) => (
          <div class={`toast ${toast.tone}`} key={toast.key}>
            <span>{toast.text}</span>
            {[toast.other, toast.action].map((action) => action && (
              <button type="button" class="btn quiet sm" key={action.label} onClick={action.run}>{action.label}</button>
            ))}
            <IconButton icon="x" label={t().close} onClick={() => dismiss(toast.key)} />
          </div>
        ))}
      </div>
      <div class="sr" role="log" aria-live="polite">{spoken.value}</div>
    </>
  );
}
