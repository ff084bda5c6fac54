import { checkModel } from './kit.js';

checkModel('takeover');
