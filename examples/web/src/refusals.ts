// What people are told of a refusal, by its code.
import { type Refusal, refusalsOf } from '@authgraph/client'

/** What is wrong with what a form sent. */
export interface Problem {
  /** By the name of the input. */
  fields: Record<string, string>
  /** What is wrong with no input in particular. */
  general: string[]
}

export const noProblem: Problem = { fields: {}, general: [] }

/** Sorts an error's refusals by the inputs that they name, of those that a form has. */
export function problemOf(error: unknown, hasField: (name: string) => boolean = () => false): Problem {
  const refusals = refusalsOf(error)
  const problem: Problem = { fields: {}, general: [] }
  for (const refusal of refusals) {
    if (refusal.field && hasField(refusal.field)) problem.fields[refusal.field] = told(refusal)
    else problem.general.push(told(refusal))
  }
  if (refusals.length === 0) problem.general.push('The server cannot be reached. Try again in a moment.')
  return problem
}

/** Says why something was refused. */
export function told({ code, message, retryAfter, requestId }: Refusal): string {
  const when = retryAfter === undefined ? 'in a while' : `in ${duration(retryAfter)}`
  switch (code) {
    case 'RATE_LIMITED':
      return `That was too often. Try again ${when}.`
    case 'OVERLOADED':
      return `The server is busy. Try again ${when}.`
    case 'REAUTHENTICATION_REQUIRED':
      return 'This needs your password again, and nothing was changed without it.'
    case 'INTERNAL_SERVER_ERROR':
      return `Something went wrong on the server. To ask about it, quote ${requestId}.`
    default:
      return message.charAt(0).toUpperCase() + message.slice(1)
  }
}

function duration(seconds: number): string {
  if (seconds < 90) return seconds === 1 ? '1 second' : `${seconds} seconds`
  return `${Math.ceil(seconds / 60)} minutes`
}
