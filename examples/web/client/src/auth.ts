// One client's view of its session. The rules:
//
//   - A page's session is a cookie that its tabs share and no script can read. A client with a
//     TokenStore sends its token instead, and no cookie.
//   - An epoch is the time between two changes of who is signed in. What was sent in an epoch is
//     aborted as it ends: no late answer reaches whoever came next.
//   - Whatever gives the session another cookie or token runs alone among all tabs, so that a late
//     answer cannot put an old cookie in the place of a new one.
//   - UNAUTHENTICATED is looked into before it is believed: another tab may have signed in since.
//   - A refused operation is repeated at most once, and only where nothing of it was done.
import { type AccessTokens, type IssuedToken, keepAccessTokens } from './accesstokens.js'
import { type ErrorCode, type Refusal, RefusedError, refusalsOf } from './errors.js'
import { type Exclusive, ownLock, sharedLock } from './exclusive.js'
import { singleFlight } from './flight.js'
import { joinTabs, type TabMessage, type Tabs } from './tabs.js'
import type { TokenStore } from './tokens.js'

export interface AuthOptions {
  /** The URL of the server's `/graphql`. */
  endpoint: string
  /** Where the token is kept, for clients that keep no cookies. Left out, the session is a cookie. */
  tokens?: TokenStore
  /**
   * Whether the program's tabs share the session, and so tell each other about it: where there are
   * no `tokens`, unless said otherwise. Say true where tabs share a store of tokens.
   */
  shared?: boolean
  /** After how many seconds of use the session gets a new token; never when left out. */
  renewAfter?: number
  /** What to send requests with. */
  fetch?: typeof fetch
  /** The time in milliseconds. */
  now?: () => number
}

/** Whether someone is signed in. */
export type AuthState =
  | { readonly status: 'unknown' } // until the first `check`
  | {
      readonly status: 'signed-in'
      readonly userId: string
      readonly sessionId: string
      /** When the session ends by itself; null when it never does. */
      readonly expiresAt: string | null
    }
  | {
      readonly status: 'signed-out'
      /** `none`: there was no session; `signed-out`: here or, `elsewhere`, in another tab; `ended`: by expiry or revocation. */
      readonly reason: 'none' | 'signed-out' | 'elsewhere' | 'ended'
    }

export interface AccessTokenOptions {
  /** The service that will verify the token; the server itself when left out. */
  audience?: string
}

/** What requests of an earlier epoch are aborted with. It is named AbortError, which clients know. */
export class SessionChangedError extends Error {
  override name = 'AbortError'

  constructor() {
    super('Who is signed in changed before the answer came.')
  }
}

interface SessionAnswer {
  session: { id: string; expiresAt: string | null; fresh: boolean; user: { id: string } } | null
}

const sessionQuery = 'query AuthSession { session { id expiresAt fresh user { id } } }'
const renewMutation = 'mutation AuthRenew { renewSession { token } }'
const issueMutation = 'mutation AuthAccessToken($input: IssueAccessTokenInput!) { issueAccessToken(input: $input) { token expiresIn } }'

/** For how long a renewal that failed is not tried again, in milliseconds. */
const renewalPause = 30_000

/** Returns the view that a program has of its session. Call `check` to learn whether there is one. */
export function createAuth(options: AuthOptions): Auth {
  return new Auth(options)
}

export class Auth {
  /**
   * Asks for the password again: set it to what shows a dialog, proves the password in `stepUp`
   * and returns whether that was done. Operations that were refused with REAUTHENTICATION_REQUIRED
   * wait for it, all for the same one, and are then sent again.
   */
  askPassword: (() => Promise<boolean>) | undefined

  readonly endpoint: string
  readonly #send: typeof fetch
  readonly #tokens: TokenStore | undefined
  readonly #renewAfter: number // milliseconds
  readonly #now: () => number
  readonly #lock: Exclusive
  readonly #tabs: Tabs | undefined
  readonly #accessTokens: AccessTokens
  readonly #listeners = new Set<() => void>()
  #state: AuthState = { status: 'unknown' }
  #epoch = new AbortController()
  #renewalDue: number
  #changing = 0 // how many changes of the session this program is making

  constructor({ endpoint, tokens, shared = !tokens, renewAfter = Infinity, fetch: send, now = Date.now }: AuthOptions) {
    this.endpoint = new URL(endpoint, globalThis.location?.href).href
    this.#send = send ?? ((input, init) => fetch(input, init))
    this.#tokens = tokens
    this.#renewAfter = renewAfter * 1000
    this.#now = now
    this.#renewalDue = now() + this.#renewAfter
    const name = `authgraph ${this.endpoint}`
    this.#lock = shared ? sharedLock(name) : ownLock()
    this.#tabs = shared ? joinTabs(name, this.#hear) : undefined
    this.#accessTokens = keepAccessTokens(this.#issueAccessToken, now)
  }

  /** Whether someone is signed in, as far as is known here. The same object until that changes. */
  get state(): AuthState {
    return this.#state
  }

  /** Calls a function at each change of `state`, until what it returns is called. */
  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Asks the server whether there is a session, and returns what `state` is then. */
  check = async (): Promise<AuthState> => {
    await this.#lookUp()
    return this.#state
  }

  /**
   * Runs an operation that signs in, and returns what it returned. A client with `tokens` has it
   * return the session's token, as `{token}`.
   */
  signIn<Result extends { token?: string | null } | void>(run: () => Promise<Result>): Promise<Result> {
    return this.#change(async () => {
      const result = await run()
      this.#tokens?.set(result?.token ?? null)
      this.#begin()
      this.#tabs?.tell('signed-in')
      await this.#lookUp()
      return result
    })
  }

  /** Runs an operation that signs out, and returns what it returned. Where that fails, nothing has changed. */
  signOut<Result>(run: () => Promise<Result>): Promise<Result> {
    return this.#change(async () => {
      const result = await run()
      this.#tokens?.set(null)
      this.#leave('signed-out')
      this.#tabs?.tell('signed-out')
      return result
    })
  }

  /**
   * Runs an operation that proves the password again, and returns what it returned. A client with
   * `tokens` has it return the session's new token, as `{token}`.
   */
  stepUp<Result extends { token?: string | null } | void>(run: () => Promise<Result>): Promise<Result> {
    return this.#change(async () => {
      const result = await run()
      this.#renewed(result?.token)
      return result
    })
  }

  /** Gives the session a new token. Whoever asks meanwhile gets the same one. */
  renew = singleFlight(() => this.#change(() => this.#renewOnce()))

  /** Returns an access token, which other services verify, for as long as it lasts the same one. */
  accessToken({ audience }: AccessTokenOptions = {}): Promise<string> {
    return this.#accessTokens.of(audience)
  }

  /**
   * Returns a fetch for another service, which sends an access token along. Refused with 401, it
   * tries once more with a new one.
   */
  fetchFor(audience: string): typeof fetch {
    return async (input, init) => {
      const request = new Request(input, init)
      const again = request.clone()
      const token = await this.accessToken({ audience })
      const response = await this.#send(withToken(request, token))
      if (response.status !== 401) return response
      this.#accessTokens.forget(token)
      return this.#send(withToken(again, await this.accessToken({ audience })))
    }
  }

  /** Runs an operation and returns its data, or throws a RefusedError. */
  async request<Data>(query: string, variables?: object): Promise<Data> {
    return dataOf<Data>(await this.fetch(this.endpoint, operation(query, variables)))
  }

  /**
   * A fetch that sends the session along, for any GraphQL client. What goes elsewhere than to the
   * endpoint goes as it is.
   */
  fetch: typeof fetch = async (input, init) => {
    const request = new Request(input, init)
    const url = new URL(request.url)
    url.search = '' // of queries by GET
    if (url.href !== this.endpoint) return this.#send(request)
    const body = request.method === 'GET' ? null : await request.text()
    const epoch = this.#epoch.signal
    await this.#renewWhenDue()
    let answer = await this.#ask(request, body, epoch)
    if (answer.refusals.length > 0 && answer.nothingDone && (await this.#helps(answer, epoch))) {
      answer = await this.#ask(request, body, epoch)
    }
    return answer.response
  }

  /** Leaves the other tabs and aborts what is under way. */
  close(): void {
    this.#tabs?.close()
    this.#listeners.clear()
    this.#epoch.abort(new SessionChangedError())
  }

  /** Sends a request in an epoch, and reads the answer, unless it is a stream. */
  async #ask(request: Request, body: string | null, epoch: AbortSignal): Promise<Answer> {
    const headers = new Headers(request.headers)
    const token = this.#tokens?.get() ?? null
    if (token !== null) headers.set('Authorization', `Bearer ${token}`)
    const response = await this.#send(request.url, {
      method: request.method,
      headers,
      body,
      credentials: this.#tokens ? 'omit' : 'include',
      signal: AbortSignal.any([request.signal, epoch]),
    })
    if (!/^application\/(graphql-response\+)?json\b/.test(response.headers.get('Content-Type') ?? '')) {
      return { response, token, refusals: [], nothingDone: false }
    }
    const text = await response.text()
    epoch.throwIfAborted()
    const { status, statusText, headers: answered } = response
    return { response: new Response(text, { status, statusText, headers: answered }), token, ...reading(text) }
  }

  /** Does what lets a refused request pass, and reports whether that was done. */
  async #helps(answer: Answer, epoch: AbortSignal): Promise<boolean> {
    if (has(answer, 'UNAUTHENTICATED')) return this.#isStillSignedIn(answer.token)
    if (has(answer, 'REAUTHENTICATION_REQUIRED')) {
      const done = await this.#becomeFresh()
      epoch.throwIfAborted()
      return done
    }
    return false
  }

  /** Looks into an UNAUTHENTICATED, and reports whether there is a session all the same. */
  async #isStillSignedIn(token: string | null): Promise<boolean> {
    if (this.#tokens && this.#tokens.get() !== token) return true
    if (this.#state.status === 'signed-out') return false
    const before = this.#epoch
    try {
      await this.#lookUp()
    } catch {
      return false // the refusal is all there is to tell
    }
    return this.#epoch === before && this.#state.status === 'signed-in'
  }

  /** Proves the password again, unless that was done since, in another tab or by another request. */
  #becomeFresh = singleFlight(async () => {
    const session = await this.#lookUp()
    return session?.fresh || (session !== null && (await this.askPassword?.())) || false
  }, () => this.#epoch)

  #lookUp = singleFlight(async () => {
    const token = this.#tokens?.get()
    const { session } = await this.#call<SessionAnswer>(sessionQuery)
    if (!session) {
      if (this.#tokens && this.#tokens.get() === token) this.#tokens.set(null)
      this.#findNobody()
      return null
    }
    const { id: sessionId, expiresAt, user } = session
    const { state } = this
    if (state.status !== 'signed-in' || state.sessionId !== sessionId || state.expiresAt !== expiresAt) {
      if (state.status === 'signed-in' && state.sessionId !== sessionId) this.#begin()
      this.#become({ status: 'signed-in', userId: user.id, sessionId, expiresAt })
    }
    return session
  }, () => this.#epoch)

  #findNobody(): void {
    if (this.#state.status === 'unknown') this.#become({ status: 'signed-out', reason: 'none' })
    if (this.#state.status !== 'signed-in') return
    this.#leave('ended')
    this.#tabs?.tell('changed')
  }

  /** Runs an operation of our own: no renewal before it, no second try. */
  async #call<Data>(query: string, variables?: object): Promise<Data> {
    const { body, ...init } = operation(query, variables)
    const { response } = await this.#ask(new Request(this.endpoint, init), body, this.#epoch.signal)
    return dataOf<Data>(response)
  }

  async #renewOnce(): Promise<void> {
    const { renewSession } = await this.#call<{ renewSession: { token: string | null } }>(renewMutation)
    this.#renewed(renewSession.token)
  }

  /** Renews where that is due, once for all who wait. It never keeps a request from being sent. */
  async #renewWhenDue(): Promise<void> {
    if (this.#now() < this.#renewalDue || this.#changing > 0 || this.#state.status === 'signed-out') return
    await this.#renewDue()
  }

  #renewDue = singleFlight(() =>
    this.#change(async () => {
      if (this.#now() < this.#renewalDue) return // another tab has, while this one waited
      try {
        await this.#renewOnce()
      } catch {
        this.#renewalDue = this.#now() + renewalPause
      }
    }),
  )

  #issueAccessToken = async (audience: string | undefined): Promise<IssuedToken> => {
    type Issued = { issueAccessToken: IssuedToken }
    return (await this.request<Issued>(issueMutation, { input: { audience } })).issueAccessToken
  }

  /**
   * Makes a change of the session's cookie or token, alone among all tabs. A change within a change,
   * as a step-up that a sign-out with `deleteMe` asks for, would wait for itself: it goes ahead.
   */
  #change<Result>(run: () => Promise<Result>): Promise<Result> {
    const alone = async () => {
      this.#changing++
      try {
        return await run()
      } finally {
        this.#changing--
      }
    }
    return this.#changing > 0 ? alone() : this.#lock(alone)
  }

  #renewed(token: string | null | undefined): void {
    if (token) this.#tokens?.set(token)
    this.#renewalDue = this.#now() + this.#renewAfter
    this.#tabs?.tell('renewed')
  }

  /** Begins an epoch: what was sent before is aborted. */
  #begin(): void {
    this.#accessTokens.clear()
    this.#renewalDue = this.#now() + this.#renewAfter
    const before = this.#epoch
    this.#epoch = new AbortController()
    before.abort(new SessionChangedError())
  }

  #leave(reason: 'signed-out' | 'elsewhere' | 'ended'): void {
    this.#begin()
    this.#become({ status: 'signed-out', reason })
  }

  #become(state: AuthState): void {
    this.#state = state
    for (const listener of this.#listeners) listener()
  }

  #hear = (message: TabMessage): void => {
    switch (message) {
      case 'signed-in':
        this.#begin()
        break
      case 'signed-out':
        if (this.#state.status !== 'signed-out') this.#leave('elsewhere')
        else if (this.#state.reason === 'ended') this.#become({ status: 'signed-out', reason: 'elsewhere' }) // found out before it was told
        return
      case 'renewed':
        this.#renewalDue = this.#now() + this.#renewAfter
        return
      case 'changed':
        break
      default:
        return // of a newer version, in another tab
    }
    this.#lookUp().catch(() => {}) // the next request tells
  }
}

/** An answer of the endpoint. */
interface Answer extends Reading {
  response: Response
  /** The token that was sent. */
  token: string | null
}

interface Reading {
  refusals: Refusal[]
  /** Whether no field of the operation has a value, so that it can be sent again. */
  nothingDone: boolean
}

function has({ refusals }: Reading, code: ErrorCode): boolean {
  return refusals.some((refusal) => refusal.code === code)
}

function reading(text: string): Reading {
  let answer: { data?: Record<string, unknown> | null }
  try {
    answer = JSON.parse(text)
  } catch {
    return { refusals: [], nothingDone: false }
  }
  return { refusals: refusalsOf(answer), nothingDone: Object.values(answer.data ?? {}).every((value) => value === null) }
}

function operation(query: string, variables?: object) {
  return {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: 'application/graphql-response+json, application/json' },
    body: JSON.stringify({ query, variables }),
  }
}

async function dataOf<Data>(response: Response): Promise<Data> {
  const answer = (await response.json()) as { data?: Data; errors?: unknown }
  const refusals = refusalsOf(answer)
  if (refusals.length > 0) throw new RefusedError(refusals)
  if (!answer.data) throw new Error(`The server answered ${response.status} without data.`)
  return answer.data
}

function withToken(request: Request, token: string): Request {
  const headers = new Headers(request.headers)
  headers.set('Authorization', `Bearer ${token}`)
  return new Request(request, { headers })
}
