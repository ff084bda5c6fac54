import { checkModel } from './kit.js';

checkModel('sequences');
