// Every user, page by page as the end comes into view.
import { useEffect, useRef, useState } from 'react'
import { useQuery } from 'urql'
import { useRun } from '../api'
import { Dialog } from '../Dialog'
import { Alert, Form } from '../form'
import { moment, nameOf } from '../format'
import { graphql } from '../gql'
import type { UserRowFragment, UsersPageQuery } from '../gql/graphql'
import { WithMe } from '../me'
import { useNotify } from '../notices'
import { problemOf } from '../refusals'
import { Screen } from '../router'

const UsersPage = graphql(`
  query UsersPage($first: Int!, $after: String, $filter: UserFilter) {
    users(first: $first, after: $after, filter: $filter) {
      nodes {
        ...UserRow
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }

  fragment UserRow on User {
    id
    email
    username
    firstName
    lastName
    active
    createdAt
    roles {
      id
      name
    }
  }
`)

const UsersTotal = graphql(`
  query UsersTotal($filter: UserFilter) {
    users(first: 1, filter: $filter) {
      totalCount
    }
  }
`)

const DisableUser = graphql(`
  mutation DisableUser($input: DisableUserInput!) {
    disableUser(input: $input) {
      user {
        id
        active
      }
    }
  }
`)

const EnableUser = graphql(`
  mutation EnableUser($input: EnableUserInput!) {
    enableUser(input: $input) {
      user {
        id
        active
      }
    }
  }
`)

type PageInfo = Pick<NonNullable<UsersPageQuery['users']>['pageInfo'], 'hasNextPage' | 'endCursor'>

const columns = ['Name', 'Email', 'User name', 'Roles', 'Since', 'State', 'Action']
const pageSize = 25
const tooManyToCount = 100_000
const typingPause = 250 // ms without a key before the server is asked

export function Users() {
  const [search, setSearch] = useState('')
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  useEffect(() => () => clearTimeout(timer.current), [])
  return (
    <Screen title="Users">
      <div role="search" className="field">
        <label htmlFor="search">Search</label>
        <p className="hint" id="search-hint">
          The beginning of an email address, a user name or a name.
        </p>
        <input
          id="search"
          type="search"
          aria-describedby="search-hint"
          onChange={({ target }) => {
            clearTimeout(timer.current)
            timer.current = setTimeout(() => setSearch(target.value.trim()), typingPause)
          }}
        />
      </div>
      <WithMe>{(me) => <List key={search} search={search} mayChange={me.permissions?.includes('users:write') ?? false} />}</WithMe>
    </Screen>
  )
}

function List({ search, mayChange }: { search: string; mayChange: boolean }) {
  const filter = search === '' ? null : { search }
  const [cursors, setCursors] = useState<(string | null)[]>([null]) // where each page begins
  const [end, setEnd] = useState<{ pages: number; pageInfo: PageInfo }>()
  const [changing, setChanging] = useState<UserRowFragment>()
  const [{ data }] = useQuery({ query: UsersTotal, variables: { filter } })
  const total = data?.users?.totalCount
  const loaded = end?.pages === cursors.length
  const next = loaded && end.pageInfo.hasNextPage ? end.pageInfo.endCursor : null

  return (
    <>
      <p role="status" className="hint">
        {total !== undefined && (total === tooManyToCount ? 'Very many users' : total === 1 ? '1 user' : `${total} users`)}
      </p>
      {/* The roles say again what the elements are, since as cards on a phone browsers take them for none. */}
      <table role="table" aria-label="Users">
        <thead role="rowgroup">
          <tr role="row">
            {columns.slice(0, mayChange ? undefined : -1).map((title) => (
              <th key={title} role="columnheader" scope="col">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        {cursors.map((after, i) => (
          <Page key={after} after={after} filter={filter} onChange={mayChange ? setChanging : undefined} onLoaded={(pageInfo) => setEnd({ pages: i + 1, pageInfo })} />
        ))}
      </table>
      {/* A page may be short, or empty, and still have a next one: each end is looked at anew. */}
      {next && <More key={next} onWanted={() => setCursors((known) => [...known, next])} />}
      {!loaded && <p className="hint">Loading …</p>}
      {changing && <ChangeState user={changing} onDone={() => setChanging(undefined)} />}
    </>
  )
}

interface PageProps {
  after: string | null
  filter: { search: string } | null
  onLoaded(pageInfo: PageInfo): void
  /** Left out, nothing can be changed. */
  onChange: ((user: UserRowFragment) => void) | undefined
}

/** The rows of one page. They follow the cache, and so what is changed in a user. */
function Page({ after, filter, onLoaded, onChange }: PageProps) {
  const [{ data, error }] = useQuery({ query: UsersPage, variables: { first: pageSize, after, filter } })
  const pageInfo = data?.users?.pageInfo
  useEffect(() => {
    if (pageInfo) onLoaded(pageInfo)
    else if (error) onLoaded({ hasNextPage: false })
  }, [pageInfo?.endCursor, pageInfo?.hasNextPage, error])
  return (
    <tbody role="rowgroup">
      {error && (
        <tr role="row">
          <td role="cell" colSpan={columns.length}>
            <Alert texts={problemOf(error).general} />
          </td>
        </tr>
      )}
      {data?.users?.nodes.map((user) => (
        <tr key={user.id} role="row">
          <td role="cell" data-label="Name">
            {[user.firstName, user.lastName].filter(Boolean).join(' ') || '–'}
          </td>
          <td role="cell" data-label="Email">
            {user.email ?? '–'}
          </td>
          <td role="cell" data-label="User name">
            {user.username ?? '–'}
          </td>
          <td role="cell" data-label="Roles">
            {user.roles?.map((role) => role.name).join(', ') || '–'}
          </td>
          <td role="cell" data-label="Since">
            {moment(user.createdAt)}
          </td>
          <td role="cell" data-label="State">
            <span className={user.active ? 'badge' : 'badge off'}>{user.active ? 'Active' : 'Disabled'}</span>
          </td>
          {onChange && (
            <td role="cell">
              <button type="button" aria-label={`${user.active ? 'Disable' : 'Enable'} ${user.email ?? user.username}`} onClick={() => onChange(user)}>
                {user.active ? 'Disable' : 'Enable'}
              </button>
            </td>
          )}
        </tr>
      ))}
    </tbody>
  )
}

/** Asks for the next page when it comes into view, or is pressed. */
function More({ onWanted }: { onWanted(): void }) {
  const button = useRef<HTMLButtonElement>(null)
  useEffect(() => {
    const observer = new IntersectionObserver(
      ([entry]) => {
        if (!entry?.isIntersecting) return
        observer.disconnect()
        onWanted()
      },
      { rootMargin: '300px' },
    )
    observer.observe(button.current!)
    return () => observer.disconnect()
  }, [])
  return (
    <button ref={button} type="button" onClick={onWanted}>
      Show more
    </button>
  )
}

/** Asks whether to disable or enable a user, and does it. */
function ChangeState({ user, onDone }: { user: UserRowFragment; onDone(): void }) {
  const run = useRun()
  const notify = useNotify()
  const [asked] = useState(user) // the words stay while the answer comes in
  const verb = asked.active ? 'Disable' : 'Enable'
  const name = nameOf(asked)
  return (
    <Dialog title={`${verb} ${name}?`} onCancel={onDone}>
      <p>{asked.active ? 'Their sessions end at once, and they cannot log in.' : 'They can log in again.'}</p>
      <Form
        submit={verb}
        onSubmit={async () => {
          const input = { id: asked.id }
          if (asked.active) await run(DisableUser, { input })
          else await run(EnableUser, { input })
          onDone()
          notify(`${name} was ${asked.active ? 'disabled' : 'enabled'}.`)
        }}
        actions={
          <button type="button" onClick={onDone}>
            Cancel
          </button>
        }
      >
        {null}
      </Form>
    </Dialog>
  )
}
