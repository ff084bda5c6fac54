import type { PlanItem } from './plan-item.js';

/** What an item of a plan is about, for people: `orders retention.ms`. */
export function planSubject(item: PlanItem): string {
  if (item.kind === 'config') return `${item.topic} ${item.name}`;
  if ('topic' in item && typeof item.topic === 'string') return item.topic;
  if (item.kind === 'acl') {
    const { principal, permission, operation, resource, name, pattern } = item.acl;
    return `${principal} ${permission} ${operation} ${resource} ${name}${pattern === 'prefixed' ? '*' : ''}`;
  }
  if (item.kind === 'quota') {
    const of = [item.user === null ? '' : `user ${item.user}`, item.clientId === null ? '' : `client ${item.clientId}`];
    return [...of, item.quota ?? ''].filter((part) => part !== '').join(' ');
  }
  if ('subject' in item)
    return item.subject === null ? '' : `${item.subject}${item.version === null ? '' : ` v${item.version}`}`;
  return item.kind === 'user' ? item.user : '';
}
