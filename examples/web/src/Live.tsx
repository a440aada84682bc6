// What happens to the account while the page is open. The cache takes the user and the sessions
// from it; here people are told, and the page leaves when its session has ended.
import { useSubscription } from 'urql'
import { auth } from './auth'
import { graphql } from './gql'
import type { AuthEventKind } from './gql/graphql'
import { useNotify } from './notices'

const AuthEvents = graphql(`
  subscription AuthEvents {
    authEvents {
      kind
      userId
      sessionId
      current
      user {
        ...Account
      }
    }
  }
`)

/** What to tell of what happened elsewhere. */
const texts: Partial<Record<AuthEventKind, string>> = {
  SIGNED_IN: 'Someone logged in to your account on another device. If that was not you, change your password.',
  PASSWORD_CHANGED: 'Your password was changed.',
  ROLES_CHANGED: 'What you may do has changed.',
}

export function Live() {
  const notify = useNotify()
  useSubscription({ query: AuthEvents }, (_last, data) => {
    const event = data.authEvents
    if (!event) return data
    if (event.current) auth.check().catch(() => {}) // it may have been the end
    else if (texts[event.kind]) notify(texts[event.kind]!)
    return data
  })
  return null
}
