// A part of the page that is a bundle of its own, fetched when it is first shown.
import { signal } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useEffect } from 'preact/hooks';
import { Icon } from './Icon';
import { t } from './i18n';

/** `fetch` imports the part; what it gives shows nothing for a moment, or that it could not be had. `back` leads away from
 *  a part that is the whole page. */
export function lazily<P extends object>(fetch: () => Promise<ComponentType<P>>, back?: () => string) {
  const loaded = signal<ComponentType<P> | null>(null);
  const failed = signal(false);
  const load = async () => {
    failed.value = false;
    try {
      loaded.value = await fetch();
    } catch {
      failed.value = true;
    }
  };
  return function Lazy(props: P) {
    useEffect(() => { if (!loaded.value) void load(); }, []);
    const Part = loaded.value;
    if (Part) return <Part {...props} />;
    if (!failed.value) return null;
    return (
      <div class="state bad" role="alert">
        <Icon name="cloud-off" /><p>{t().serverLost}</p>
        <button type="button" class="btn" onClick={() => void load()}>{t().retry}</button>
        {back && <a class="btn quiet" href={back()}>{t().back}</a>}
      </div>
    );
  };
}
