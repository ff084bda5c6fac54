import {
  cutOff,
  cuts,
  dayLater,
  dense,
  expired,
  forgotten,
  idle,
  killed,
  lent,
  moved,
  movedAndKilled,
  overdue,
  recreated,
  returned,
  type Scenario,
  slow,
  threads,
  unprivileged,
  unregistered,
  wiped,
  zombie,
} from './catalogue.js';

/** A rule of the protocol, and what goes wrong without it. */
export interface RuleCase {
  readonly rule: string;
  /** What switches it off; a rule that says several things has several. */
  readonly off: string;
  readonly says: string;
  readonly scenario: Scenario;
  /** Another rule that alone keeps the damage away: the counterexample needs it off as well. */
  readonly heldBy?: string;
  /** The protocol's text left this reading open. */
  readonly isUnwritten?: boolean;
  /** The shortest counterexample in a sentence. */
  readonly without: string;
}

export const RULES: readonly RuleCase[] = [
  {
    rule: '2.2',
    off: '2.2',
    says: 'lane nodes are persistent',
    scenario: killed,
    heldBy: '5.8',
    without:
      'a worker and the leader die together; the next leader finds no lane to fence, and a batch under way lands behind the walk of the new owner',
  },
  {
    rule: '2.3',
    off: '2.3',
    says: 'an owner calls InitProducerId bare only once',
    scenario: zombie,
    without: "a fenced owner that calls it bare gets an epoch above the marker's, and writes on",
  },
  {
    rule: '2.3',
    off: '2.3 fencer',
    says: 'the fencer calls InitProducerId bare',
    scenario: zombie,
    without: "the owner's own call counts as a retry of the fencer's and gets its epoch",
  },
  {
    rule: '2.4',
    off: '2.4',
    says: 'the epoch comes from the coordinator only',
    scenario: zombie,
    without: 'an owner that raised its epoch by itself is level with the marker, which then stops nobody',
  },
  {
    rule: '2.5',
    off: '2.5',
    says: '47 ends the lane and drops all it holds',
    scenario: cutOff,
    without: 'a fenced owner goes on with a new lane and writes behind the walk of the new owner',
  },
  {
    rule: '2.6',
    off: '2.6',
    says: 'lanes are renewed, so the coordinator keeps the id',
    scenario: unprivileged,
    without: 'the coordinator forgets the id, the fencer gets another one, and waiting does not stop a late batch',
  },
  {
    rule: '2.6',
    off: '2.6',
    says: 'a lane whose renewal is refused writes no more',
    scenario: dayLater,
    isUnwritten: true,
    without:
      'a worker without a session and without traffic is never refused; a day later the brokers have forgotten the fence, and its next batch is stored',
  },
  {
    rule: '2.7',
    off: '2.7',
    says: 'a restarted data thread takes a new lane',
    scenario: threads,
    without: 'its sequences begin anew while a batch of its former life is under way, and both are stored',
  },
  {
    rule: '2.7',
    off: '2.7 sleep',
    says: 'who slept past its session drops all it holds',
    scenario: dayLater,
    without: 'a process stopped for longer than brokers remember producers is not refused when it wakes',
  },
  {
    rule: '3.1',
    off: '3.1',
    says: 'sequences live as long as the lane',
    scenario: lent,
    without:
      'after A -> B -> A the first batch from sequence 0 is answered as a duplicate, and what follows is stored behind a hole',
  },
  {
    rule: '3.2',
    off: '3.2',
    says: 'the window is one until the first ack',
    scenario: cuts,
    without: 'the first batch of a lane is refused, and the second is stored, because any sequence is a beginning',
  },
  {
    rule: '3.2',
    off: '3.2 idle',
    says: 'the window is one again after an idle hour',
    scenario: idle,
    without: 'the broker has forgotten the lane, and the same happens in its midst',
  },
  {
    rule: '3.3',
    off: '3.3',
    says: 'in doubt the same bytes go out with the same sequence',
    scenario: cuts,
    without: 'a batch whose answer is lost is stored a second time',
  },
  {
    rule: '3.4',
    off: '3.4',
    says: '45 is no proof of a duplicate',
    scenario: cuts,
    without: 'a batch behind a refused one counts as stored and is not in the log',
  },
  {
    rule: '3.5',
    off: '3.5',
    says: 'a sequence is never used for other bytes',
    scenario: cuts,
    without:
      'a batch in doubt is made anew without a record; the broker answers for the bytes it has, and the new ones are lost',
  },
  {
    rule: '4.2',
    off: '4.2',
    says: 'checkpoints of other timelines are void',
    scenario: recreated,
    without: 'a late commit brings back a pair of the old target topic, and records are left out',
  },
  {
    rule: '4.2',
    off: '4.2 place',
    says: 'a late commit cannot replace a pair of a later timeline',
    scenario: recreated,
    isUnwritten: true,
    without:
      'a late commit of the old timeline overwrites the first pair of the new one before the store knows of the start: what is void counts as missing, and the partition begins a second time',
  },
  {
    rule: '4.3',
    off: '4.3',
    says: 'the first pair is committed before the first fetch',
    scenario: recreated,
    without: 'an owner that dies early leaves records and no pair, and its successor begins anew',
  },
  {
    rule: '4.3',
    off: '4.3',
    says: 'every owner names its lane before its first produce',
    scenario: unregistered,
    without:
      "the checkpoint still names the previous owner's lane; with the lane node lost nobody fences the one that writes",
  },
  {
    rule: '4.4',
    off: '4.4',
    says: 'a missing checkpoint is no first start where the store knows better',
    scenario: expired,
    without: '`latest` is resolved a second time, and the records between are left out',
  },
  {
    rule: '5.1',
    off: '5.1',
    says: 'the mark in the store comes before the fence',
    scenario: overdue,
    without:
      'the leader dies amid a fence, and the next one gives work to the half fenced incarnation; its first batch is refused',
  },
  {
    rule: '5.2',
    off: '5.2',
    says: 'the fencer compares the producer id',
    scenario: forgotten,
    without: 'the coordinator lost the id, every answer is NONE for a new one, and the marker stops nobody',
  },
  {
    rule: '5.3',
    off: '5.3',
    says: 'the proof is the marker, not an answer',
    scenario: zombie,
    without: 'EndTxn is answered before the marker is written, and a batch lands between',
  },
  {
    rule: '5.4',
    off: '5.4',
    says: 'completion is never asked with AddPartitionsToTxn',
    scenario: dense,
    without: "the question opens a transaction whose marker lands among the new owner's data",
  },
  {
    rule: '5.5',
    off: '5.5',
    says: 'the marker counts below the high watermark',
    scenario: zombie,
    without: 'a new leader of the partition has neither the marker nor what the walk found below it',
  },
  {
    rule: '5.8',
    off: '5.8',
    says: 'the lane named in the checkpoint is fenced too',
    scenario: unregistered,
    without: 'a lane node is lost, so nobody else knows the lane whose batch is under way',
  },
  {
    rule: '5.8',
    off: '5.8 own lane',
    says: 'whoever fences a lane by its checkpoint first proves its own lane alive',
    scenario: dayLater,
    isUnwritten: true,
    without:
      'a worker that was given up before it took its partition over fences the owner in office by an old order, and each of its successors',
  },
  {
    rule: '5.8',
    off: '5.8 record',
    says: 'the record of a release ends when the lane gets the partition back',
    scenario: returned,
    isUnwritten: true,
    without: 'after A -> B -> A the lane of A counts as released for ever, and is not fenced when its node is lost',
  },
  {
    rule: '6.1',
    off: '6.1',
    says: 'the walk comes behind the closed log',
    scenario: killed,
    without: 'a batch lands between the walk and the marker, and its record is written again',
  },
  {
    rule: '7.1',
    off: '7.1',
    says: 'an item is for the incarnation it names',
    scenario: killed,
    without:
      "a restarted worker takes over its predecessor's items by itself while the leader gives them to another; they fence each other",
  },
  {
    rule: '7.1',
    off: '7.1 node',
    says: 'a successor waits for a node that names it',
    scenario: killed,
    isUnwritten: true,
    without: 'a restarted worker fences its predecessor and takes the set while the leader gives it to another worker',
  },
  {
    rule: '7.2',
    off: '7.2',
    says: 'an item stays in the node until it is released',
    scenario: moved,
    heldBy: '5.8',
    without: 'the old owner has a batch under way when the new one walks',
  },
  {
    rule: '7.2',
    off: '7.2 order',
    says: 'an item leaves the old node before it enters the new one',
    scenario: movedAndKilled,
    without:
      'between the two writes the release is recorded nowhere: the new owner fences the lane of a healthy worker',
  },
  {
    rule: '7.3',
    off: '7.3',
    says: 'a report counts from the generation that removed the item',
    scenario: moved,
    without: 'a report from before the item was there releases it',
  },
  {
    rule: '7.3',
    off: '7.3 doubtful',
    says: 'a doubtful partition is not released',
    scenario: moved,
    without: 'a batch without an answer lands behind the walk of the new owner',
  },
  {
    rule: '7.4',
    off: '7.4',
    says: 'lower generations are ignored',
    scenario: moved,
    without: 'an old copy of the assignment revives what was let go, after the report',
  },
  {
    rule: '7.5',
    off: '7.5',
    says: 'every write checks the epoch',
    scenario: slow,
    heldBy: '5.8',
    without: 'a write of a reign that is over gives a partition to a second worker',
  },
  {
    rule: '7.6',
    off: '7.6',
    says: 'an empty store fences before it assigns',
    scenario: wiped,
    heldBy: '5.8',
    without: 'workers of the lost store still write while the partition is given away',
  },
];
