// Why the server refused, from whatever a GraphQL client gives for an error.

/** Every value of the schema's `enum ErrorCode`. */
export const errorCodes = [
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'REAUTHENTICATION_REQUIRED',
  'INVALID_CREDENTIALS',
  'BAD_USER_INPUT',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'RATE_LIMITED',
  'OVERLOADED',
  'BAD_REQUEST',
  'QUERY_TOO_COMPLEX',
  'PERSISTED_QUERY_NOT_FOUND',
  'DOCUMENT_NOT_TRUSTED',
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'INTERNAL_SERVER_ERROR',
] as const

/** Why a request or a field was refused. */
export type ErrorCode = (typeof errorCodes)[number]

/** One error of an answer. */
export interface Refusal {
  /** Why. A server newer than this package may have codes that it does not know. */
  code: ErrorCode | (string & {})
  /** The server's words, written for people. */
  message: string
  /** The input at fault, such as `email`, where one is. */
  field?: string
  /** In how many seconds to try again, where that is known. */
  retryAfter?: number
  /** What to quote to the operator. */
  requestId?: string
  /** The field of the answer that was refused. */
  path?: readonly (string | number)[]
}

/** What `Auth.request` throws when the answer has errors. */
export class RefusedError extends Error {
  override name = 'RefusedError'
  /** One or more, as the server listed them. */
  readonly refusals: readonly Refusal[]

  constructor(refusals: readonly Refusal[]) {
    super(refusals.map(({ message }) => message).join(' '))
    this.refusals = refusals
  }
}

/**
 * Returns the refusals that a value holds: an answer (`{errors}`), one error or a list of them, or
 * what urql, Apollo Client, graphql-request, graphql-ws and `Auth.request` give or throw. There are none in anything
 * else, such as a failure of the network.
 */
export function refusalsOf(value: unknown): Refusal[] {
  if (value instanceof RefusedError) return [...value.refusals]
  if (Array.isArray(value)) return value.flatMap(refusalsOf)
  if (!isRecord(value)) return []
  const own = refusal(value)
  if (own) return [own]
  // In turn: urql and Apollo Client 3; an answer and Apollo Client 4; graphql-request.
  for (const list of [value.graphQLErrors, value.errors, isRecord(value.response) ? value.response.errors : undefined]) {
    if (Array.isArray(list)) return list.flatMap(refusalsOf)
  }
  return []
}

/** Reports whether a value holds a refusal with one of these codes. */
export function isRefusedWith(value: unknown, ...codes: ErrorCode[]): boolean {
  return refusalsOf(value).some(({ code }) => (codes as string[]).includes(code))
}

function refusal({ message, path, extensions }: Record<string, unknown>): Refusal | undefined {
  if (!isRecord(extensions) || typeof extensions.code !== 'string') return undefined
  const { code, field, retryAfter, requestId } = extensions
  return {
    code,
    message: typeof message === 'string' ? message : code,
    ...(typeof field === 'string' && { field }),
    ...(typeof retryAfter === 'number' && { retryAfter }),
    ...(typeof requestId === 'string' && { requestId }),
    ...(Array.isArray(path) && { path }),
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
