import { checkModel } from './kit.js';

checkModel('fence');
