// Compose is a bundle of its own, fetched when it is first asked for.
import { signal } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useEffect } from 'preact/hooks';
import { place, print, route } from '../state/route';
import { Icon } from '../ui/Icon';
import { t } from '../ui/i18n';

type Loaded = ComponentType<{ route: Extract<typeof route.value, { at: 'compose' }> }>;

const loaded = signal<Loaded | null>(null);
const failed = signal(false);

export async function loadCompose(): Promise<void> {
  failed.value = false;
  try {
    const { Compose } = await import('../compose/Compose');
    loaded.value = Compose;
  } catch {
    failed.value = true;
  }
}

export function ComposeSlot() {
  useEffect(() => { if (!loaded.value) void loadCompose(); }, []);
  const Compose = loaded.value;
  const at = route.value;
  if (Compose && at.at === 'compose') return <Compose route={at} />;
  return (
    <main class="compose-wait">
      {failed.value ? (
        <div class="state bad" role="alert">
          <Icon name="cloud-off" /><p>{t().serverLost}</p>
          <button type="button" class="btn" onClick={() => void loadCompose()}>{t().retry}</button>
          <a class="btn quiet" href={print(place.value)}>{t().back}</a>
        </div>
      ) : <p class="state quiet" role="status">{t().openingEditor}</p>}
    </main>
  );
}
