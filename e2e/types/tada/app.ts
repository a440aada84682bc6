// An application whose types gql.tada reads off the documents.
import { type FragmentOf, readFragment, type ResultOf, type VariablesOf } from 'gql.tada'
import { type ErrorCode, graphql } from './graphql'

export const SignUp = graphql(`
  mutation SignUp($input: CreateUserInput!) {
    createUser(input: $input) {
      user {
        id
      }
    }
  }
`)

export const LogIn = graphql(`
  mutation LogIn($input: LoginInput!) {
    login(input: $input) {
      __typename
      ... on LoginSuccess {
        token
        session {
          id
          expiresAt
        }
      }
    }
  }
`)

export const Profile = graphql(`
  fragment Profile on User {
    id
    email
    createdAt
    roles {
      name
    }
  }
`)

export const Me = graphql(
  `
    query Me {
      me {
        ...Profile
      }
      status {
        signupOpen
        errorCodes
      }
    }
  `,
  [Profile],
)

export const Users = graphql(
  `
    query Users($first: Int, $after: String, $filter: UserFilter, $orderBy: UserOrder) {
      users(first: $first, after: $after, filter: $filter, orderBy: $orderBy) {
        edges {
          cursor
          node {
            ...Profile
          }
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  `,
  [Profile],
)

export const Rename = graphql(`
  mutation Rename($input: UpdateMeInput!) {
    updateMe(input: $input) {
      user {
        firstName
      }
    }
  }
`)

/** Sends an operation; how is no matter of types. */
declare function send<Document>(document: Document, variables: VariablesOf<Document>): Promise<ResultOf<Document>>

export async function logIn(identifier: string, password: string): Promise<string> {
  const { login } = await send(LogIn, { input: { identifier, password } }) // rememberMe has a default
  if (login?.__typename !== 'LoginSuccess') throw new Error('This version of the application knows no other next step.')
  const expiresAt: string | null = login.session.expiresAt
  return expiresAt ? `${login.token} until ${expiresAt}` : login.token
}

export function greeting(user: FragmentOf<typeof Profile>): string {
  const { email, createdAt, roles } = readFragment(Profile, user)
  const since: string = createdAt
  return `${email ?? 'nameless'} since ${since}: ${roles?.map(({ name }) => name).join(' ')}`
}

export async function page(after?: string): Promise<string[]> {
  const { users } = await send(Users, {
    first: 20,
    after,
    filter: { search: 'ada', active: true },
    orderBy: { field: 'EMAIL', direction: 'DESC' },
  })
  if (users?.pageInfo.hasNextPage) return page(users.pageInfo.endCursor ?? undefined)
  return users?.edges.map(({ node }) => greeting(node)) ?? []
}

export const forget = (): Promise<unknown> => send(Rename, { input: { firstName: null } }) // null removes

/** What to tell people of a refusal. */
const told: Partial<Record<ErrorCode, string>> = {
  INVALID_CREDENTIALS: 'The name and the password do not belong together.',
  RATE_LIMITED: 'Too many attempts.',
}

export function tell(status: ResultOf<typeof Me>['status'], error: { extensions?: { code?: unknown } }): string {
  const code = status?.errorCodes.find((value) => value === error.extensions?.code)
  return (code && told[code]) ?? 'Something went wrong.'
}
