// Access tokens for other services, one for each audience, shared by all who ask at once.
import { singleFlight } from './flight.js'

/** A signed token and how long it lasts, as the server answers. */
export interface IssuedToken {
  token: string
  expiresIn: number
}

export interface AccessTokens {
  /** Returns the token of an audience, a new one where the present one is about to end. */
  of(audience: string | undefined): Promise<string>
  /** Forgets a token that a service refused. */
  forget(token: string): void
  /** Forgets all. */
  clear(): void
}

/** Keeps access tokens, each until a fifth of its life is left. */
export function keepAccessTokens(issue: (audience: string | undefined) => Promise<IssuedToken>, now: () => number): AccessTokens {
  const kept = new Map<string | undefined, { token: string; until: number }>()
  const flights = new Map<string | undefined, () => Promise<string>>()
  let generation = 0
  const renew = (audience: string | undefined) => async () => {
    const begun = generation
    const askedAt = now()
    const { token, expiresIn } = await issue(audience)
    if (begun === generation) kept.set(audience, { token, until: askedAt + expiresIn * 800 })
    return token
  }
  return {
    async of(audience) {
      const present = kept.get(audience)
      if (present && now() < present.until) return present.token
      let flight = flights.get(audience)
      if (!flight) flights.set(audience, (flight = singleFlight(renew(audience))))
      return flight()
    },
    forget(token) {
      for (const [audience, present] of kept) if (present.token === token) kept.delete(audience)
    },
    clear() {
      generation++
      kept.clear()
      flights.clear()
    },
  }
}
