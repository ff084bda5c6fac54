import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isCausewayError } from '../../../../common/errors/error.js';
import { authenticate, type SaslExchange } from '../../../../common/kafka/wire/sasl.js';

/** RFC 7677 section 3. */
const RFC = {
  nonce: 'rOprNGfwEbeRWgbNEkqO',
  clientFirst: 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO',
  serverFirst: 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
  clientFinal:
    'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
  serverFinal: 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
};

function script(answers: readonly string[], sent: string[] = []): SaslExchange {
  let step = 0;
  return async (message) => {
    sent.push(message.toString());
    const answer = answers[step] ?? '';
    step += 1;
    return Buffer.from(answer);
  };
}

const user = { mechanism: 'scram-sha-256', username: 'user', password: 'pencil' } as const;
const refused = (pattern: RegExp) => (error: unknown) =>
  isCausewayError(error, 'KAFKA_AUTH_FAILED') && pattern.test(error.message);

describe('SCRAM', () => {
  test('speaks the exchange of RFC 7677 word for word', async () => {
    const sent: string[] = [];
    await authenticate(user, script([RFC.serverFirst, RFC.serverFinal], sent), RFC.nonce);
    assert.deepEqual(sent, [RFC.clientFirst, RFC.clientFinal]);
  });

  test('a broker that does not know the password is found out by its signature', async () => {
    const forged = `v=${Buffer.alloc(32).toString('base64')}`;
    await assert.rejects(authenticate(user, script([RFC.serverFirst, forged]), RFC.nonce), refused(/signature/));
    await assert.rejects(authenticate(user, script([RFC.serverFirst, '']), RFC.nonce), refused(/signature/));
  });

  test('nonces that do not continue ours, weak or excessive iterations and missing salts are refused', async () => {
    const faults: [string, RegExp][] = [
      [RFC.serverFirst.replace('r=rOpr', 'r=xOpr'), /nonce/],
      [RFC.serverFirst.replace(/r=[^,]+/, `r=${RFC.nonce}`), /nonce/],
      [RFC.serverFirst.replace('i=4096', 'i=1'), /iterations/],
      [RFC.serverFirst.replace('i=4096', 'i=100000000'), /iterations/],
      [RFC.serverFirst.replace('i=4096', 'i=x'), /iterations/],
      [RFC.serverFirst.replace(/s=[^,]+/, 's='), /salt/],
      [`m=ext,${RFC.serverFirst}`, /extension/],
      ['e=unknown-user', /unknown-user/],
    ];
    for (const [serverFirst, pattern] of faults) {
      await assert.rejects(authenticate(user, script([serverFirst]), RFC.nonce), refused(pattern), serverFirst);
    }
  });

  test('names with commas and equals signs are escaped', async () => {
    const sent: string[] = [];
    const odd = { ...user, username: 'a=b,c' };
    await assert.rejects(authenticate(odd, script(['e=no'], sent), 'n'));
    assert.equal(sent[0], 'n,,n=a=3Db=2Cc,r=n');
  });

  test('each exchange has a nonce of its own', async () => {
    const sent: string[] = [];
    for (let i = 0; i < 2; i += 1) await assert.rejects(authenticate(user, script(['e=no'], sent)));
    assert.notEqual(sent[0], sent[1]);
  });
});

test('PLAIN sends name and password in one message', async () => {
  const sent: string[] = [];
  await authenticate({ mechanism: 'plain', username: 'alice', password: 'pa ss' }, script([''], sent));
  assert.deepEqual(sent, ['\0alice\0pa ss']);
});

describe('OAUTHBEARER', () => {
  test('sends the token in one message (RFC 7628), and nothing more once it is accepted', async () => {
    const sent: string[] = [];
    await authenticate({ mechanism: 'oauthbearer', token: 'a.b-c_d~e+f/g==' }, script([''], sent));
    assert.deepEqual(sent, ['n,,\x01auth=Bearer a.b-c_d~e+f/g==\x01\x01']);
  });

  test('answers the broker’s challenge with 0x01 and says its status; the token is not offered again', async () => {
    const sent: string[] = [];
    let forgotten = 0;
    const token = { mechanism: 'oauthbearer', token: 'abc', refused: () => forgotten++ } as const;
    const challenge = '{"status":"invalid_token","scope":"kafka"}';
    await assert.rejects(
      authenticate(token, script([challenge], sent)),
      refused(/refused the token: invalid_token; it wants scope kafka/),
    );
    assert.equal(sent[1], '\x01');
    assert.equal(forgotten, 1);
    await assert.rejects(authenticate(token, script(['garbage'])), refused(/without a reason/));
  });

  test('a token that could break out of the message is never sent', async () => {
    for (const token of ['', 'a\x01b', 'a b', 'a\n', 'ä']) {
      const sent: string[] = [];
      await assert.rejects(
        authenticate({ mechanism: 'oauthbearer', token }, script([''], sent)),
        refused(/characters that no token may have/),
      );
      assert.deepEqual(sent, []);
    }
  });
});
