// The texts of writing in the person's language.
import { lang } from '../ui/i18n';
import { en } from './en';
import { vi } from './vi';

export const words = () => (lang.value === 'en' ? en : vi);
