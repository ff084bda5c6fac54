import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Tree, type TreeEffect } from '../../../common/coordination/embedded/tree.js';
import { ANY_VERSION, type StoreOp } from '../../../common/coordination/ports.js';

const bytes = (text: string): Buffer => Buffer.from(text);
const create = (path: string, data = '', ephemeral = false): StoreOp => ({
  type: 'create',
  path,
  data: bytes(data),
  ephemeral,
});

describe('embedded tree', () => {
  test('a refused transaction leaves nothing behind, in whatever order its operations were', () => {
    const tree = new Tree();
    tree.apply([create('/a', '1'), create('/a/b'), create('/e', '', true)], 7n);
    const before = tree.persistent();
    const { outcome, effects, changed } = tree.apply(
      [
        create('/c'),
        create('/c/d'),
        { type: 'set', path: '/a', data: bytes('2'), version: 0 },
        { type: 'remove', path: '/a/b', version: 0 },
        { type: 'remove', path: '/a', version: 1 },
        { type: 'remove', path: '/e', version: ANY_VERSION },
        create('/a', 'again'),
        { type: 'check', path: '/a', version: 3 },
      ],
      7n,
    );
    assert.deepEqual(outcome, { applied: false, index: 7, code: 'BAD_VERSION' });
    assert.deepEqual([effects, changed], [[], []]);
    assert.deepEqual(tree.persistent(), before);
    assert.equal(tree.get('/e')?.ephemeralOwner, 7n);
    assert.deepEqual(tree.children('/'), ['a', 'e']);
    assert.deepEqual(tree.children('/a'), ['b']);
  });

  test('callers cannot change the tree through the buffers they gave or got', () => {
    const tree = new Tree();
    const data = bytes('abc');
    tree.apply([{ type: 'create', path: '/a', data }], 0n);
    data.fill(0);
    tree.get('/a')?.data.fill(0);
    assert.equal(tree.get('/a')?.data.toString(), 'abc');
  });

  test('the effects of a run, repeated on another tree, give the same persistent nodes', () => {
    const tree = new Tree();
    const effects: TreeEffect[] = [];
    const apply = (...ops: StoreOp[]): void => {
      effects.push(...tree.apply(ops, 9n).effects);
    };
    apply(create('/a', '1'), create('/a/b', '2'), create('/live', 'x', true));
    apply({ type: 'set', path: '/a', data: bytes('3'), version: 0 });
    apply({ type: 'remove', path: '/a/b', version: 0 });
    apply(create('/a/b', 'new'), { type: 'set', path: '/', data: bytes('root'), version: ANY_VERSION });
    const copy = new Tree();
    for (const effect of effects) copy.restore(effect);
    assert.deepEqual(copy.persistent(), tree.persistent());
    assert.equal(copy.get('/live'), undefined);
    assert.equal(copy.get('/')?.data.toString(), 'root');
    const fromSnapshot = new Tree();
    for (const effect of tree.persistent()) fromSnapshot.restore(effect);
    assert.deepEqual(fromSnapshot.persistent(), tree.persistent());
  });

  test('the end of a session removes its nodes and no others', () => {
    const tree = new Tree();
    tree.apply([create('/x', '', true)], 1n);
    tree.apply([create('/y', '', true)], 2n);
    assert.deepEqual(tree.removeOwned(1n), ['/x']);
    assert.deepEqual(tree.children('/'), ['y']);
  });

  test('an ephemeral node takes no children and the attempt undoes the rest', () => {
    const tree = new Tree();
    tree.apply([create('/x', '', true)], 1n);
    assert.throws(() => tree.apply([create('/p'), create('/x/y')], 1n), /ephemeral node cannot have children/);
    assert.equal(tree.get('/p'), undefined);
  });
});
