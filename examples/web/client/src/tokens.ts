// Where a client that keeps no cookies keeps its session's token.

/** Keeps the token of one session. */
export interface TokenStore {
  get(): string | null
  /** Keeps another token, or none. */
  set(token: string | null): void
}

/** Keeps the token for as long as the program runs. */
export function memoryTokens(token: string | null = null): TokenStore {
  return {
    get: () => token,
    set: (next) => {
      token = next
    },
  }
}

/**
 * Keeps the token in a `Storage`, such as an app's own. In a page any script can read it there:
 * pages should use the cookie.
 */
export function storedTokens(storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>, key = 'authgraph_session'): TokenStore {
  return {
    get: () => storage.getItem(key),
    set: (next) => (next === null ? storage.removeItem(key) : storage.setItem(key, next)),
  }
}
