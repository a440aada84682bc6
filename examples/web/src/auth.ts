// The session of this page, and whether someone is signed in.
import { createAuth } from '@authgraph/client'
import { useSyncExternalStore } from 'react'

export const endpoint: string = import.meta.env.VITE_AUTHGRAPH_ENDPOINT ?? 'http://localhost:8080/graphql'

export const auth = createAuth({ endpoint })

/** Whether someone is signed in. */
export function useAuth() {
  return useSyncExternalStore(auth.subscribe, () => auth.state)
}
