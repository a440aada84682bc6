// The part of a user that several screens show.
import type { ReactNode } from 'react'
import { useQuery } from 'urql'
import { Alert } from './form'
import { graphql } from './gql'
import type { MeQuery } from './gql/graphql'
import { problemOf } from './refusals'

graphql(`
  fragment Account on User {
    id
    email
    username
    firstName
    lastName
    locale
    createdAt
    lastLoginAt
    permissions
    roles {
      id
      name
    }
  }
`)

const Me = graphql(`
  query Me {
    me {
      ...Account
    }
  }
`)

/** Shows what it is given once it is known who is signed in. */
export function WithMe({ children }: { children: (me: NonNullable<MeQuery['me']>) => ReactNode }) {
  const [{ data, error }] = useQuery({ query: Me })
  if (error) return <Alert texts={problemOf(error).general} />
  return data?.me ? children(data.me) : <Loading />
}

export function Loading() {
  return <p className="hint">Loading …</p>
}
