import { checkModel } from './kit.js';

checkModel('checkpoints');
