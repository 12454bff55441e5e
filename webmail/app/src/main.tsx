import { render } from 'preact';
import { readBoot } from './boot';
import './style/tokens.css';

const root = document.getElementById('app');
if (root) render(<p>{readBoot().name}</p>, root);
