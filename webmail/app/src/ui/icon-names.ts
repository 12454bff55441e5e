// The icons in use; the build puts just these into the sprite.
export const ICONS = [
  'alarm-clock', 'archive', 'arrow-left', 'arrow-right', 'bold', 'building-2', 'check', 'chevron-down', 'chevron-up',
  'circle-check', 'circle-check-big', 'clock', 'cloud-off', 'code', 'copy', 'corner-up-left', 'download', 'ellipsis',
  'file-pen-line', 'flag', 'folder', 'folder-input', 'forward', 'image-off', 'inbox', 'info', 'italic',
  'keyboard', 'languages', 'link', 'list', 'list-ordered', 'lock', 'lock-open', 'log-out', 'mail', 'mail-open', 'menu', 'messages-square', 'monitor',
  'moon', 'octagon-alert', 'paperclip', 'pencil-line', 'plus', 'printer', 'quote', 'receipt', 'refresh-cw', 'remove-formatting', 'reply',
  'reply-all', 'route', 'rows-3', 'search', 'send', 'settings', 'shield-alert', 'shield-check', 'square-check', 'sun', 'tag',
  'trash-2', 'triangle-alert', 'underline', 'undo-2', 'upload', 'x',
] as const;

export type IconName = (typeof ICONS)[number];
