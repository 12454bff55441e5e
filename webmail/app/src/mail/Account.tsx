import { boot } from '../boot';
import { chooseLang, choose, prefs } from '../state/prefs';
import { leave } from '../state/leave';
import { print } from '../state/route';
import { Avatar } from '../ui/Button';
import { initials, tone } from '../ui/format';
import { Icon } from '../ui/Icon';
import { lang, t } from '../ui/i18n';
import { type Group, Menu } from '../ui/Menu';
import { help } from './keymap';

function settings(): Group[] {
  const { theme, density, keys, threads } = prefs.value;
  return [
    { title: t().language, items: [
      { label: 'Tiếng Việt', icon: 'languages', checked: lang.value === 'vi', run: () => void chooseLang('vi') },
      { label: 'English', icon: 'languages', checked: lang.value === 'en', run: () => void chooseLang('en') },
    ] },
    { title: t().theme, items: [
      { label: t().themes.auto, icon: 'monitor', checked: theme === 'auto', run: () => choose({ theme: 'auto' }) },
      { label: t().themes.light, icon: 'sun', checked: theme === 'light', run: () => choose({ theme: 'light' }) },
      { label: t().themes.dark, icon: 'moon', checked: theme === 'dark', run: () => choose({ theme: 'dark' }) },
    ] },
    { title: t().density, items: [
      { label: t().densities.comfortable, icon: 'rows-3', checked: density === 'comfortable', run: () => choose({ density: 'comfortable' }) },
      { label: t().densities.compact, icon: 'list', checked: density === 'compact', run: () => choose({ density: 'compact' }) },
    ] },
    { title: t().reading, items: [
      { label: t().threadsOn, icon: 'messages-square', many: true, checked: threads, run: () => choose({ threads: !threads }) },
    ] },
    { title: t().shortcuts, items: [
      { label: t().keysOn, icon: 'keyboard', many: true, checked: keys, run: () => choose({ keys: !keys }) },
    ] },
    { items: [{ label: t().allSettings, icon: 'settings', href: print({ at: 'settings' }) }] },
  ];
}

const signOut = (): Group => ({ items: [{ label: t().signOut, icon: 'log-out', run: () => void leave() }] });

export function SettingsMenu() {
  return (
    <Menu
      label={t().settings} groups={settings()} side="up" class="settings"
      button={(open, toggle) => (
        <button type="button" class="rail-item" aria-haspopup="menu" aria-expanded={open} onClick={toggle}>
          <Icon name="settings" />{t().settings}
        </button>
      )}
    />
  );
}

/** Name, address and the way out; on narrow screens the settings as well. */
export function AccountMenu() {
  const name = boot.name || boot.address;
  return (
    <Menu
      label={t().account} side="right" class="account"
      groups={[...settings(), { items: [{ label: t().shortcuts, icon: 'keyboard', run: () => { help.value = true; } }] }, signOut()]}
      header={<p class="menu-who"><b>{name}</b><span>{boot.address}</span></p>}
      button={(open, toggle) => (
        <button
          type="button" class="avatar-button" aria-haspopup="menu" aria-expanded={open} onClick={toggle}
          aria-label={`${t().account}: ${name}`} title={name}
        >
          <Avatar text={initials(name)} tone={tone(boot.address)} />
        </button>
      )}
    />
  );
}
